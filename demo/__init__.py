"""A real Home Assistant with Fieldbridge and devices that are alive, from one command."""
