"""The example apps, on their own and inside Home Assistant."""
