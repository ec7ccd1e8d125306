"""IndexTTS-2's codec: 16 kHz speech → features → codes at 50 Hz, and codes → mel → 22.05 kHz speech.

Own code for the networks, written from their papers and from the shapes in the published files; nothing here fetches a
file. The weights have licences of their own, named in each module.
"""
