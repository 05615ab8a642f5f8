"""The people of one camera: whose joints are looked at when, and what they tell."""
