"""The Ethiopic letters that Amharic writes, in the order of its alphabet chart."""

SERIES = "ሀለሐመሠረሰሸቀበተቸኀነኘአከኸወዐዘዠየደጀገጠጨጰጸፀፈፐ"
"""First letters of the 33 series; with seven orders (vowels) each they are the 231 fidel."""
ORDERS = 7
FIDEL = tuple(tuple(chr(ord(first) + order) for order in range(ORDERS)) for first in SERIES)
"""The chart: 33 rows of 7 letters."""
LABIALISED = tuple("ሏሗሟሧሯሷሿቈቊቋቌቍቧቯቷቿኈኊኋኌኍኗኟኰኲኳኴኵዀዂዃዄዅዟዧዷጇጐጒጓጔጕጧጯጷጿፏፗ")
"""Consonants spoken with rounded lips."""
