"""Pretrained models that can be taught, each behind one small adapter: what differs between them is here and nowhere
else."""
