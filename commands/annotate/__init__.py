"""Have people judge pairs in Label Studio: choose pairs, push tasks, pull judgements, report agreement."""
