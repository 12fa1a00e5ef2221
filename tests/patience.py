"""How long a test waits for what must come before it says that something hangs. It measures nothing: a busy machine takes for
an act of milliseconds what others leave it, and whoever is right waits for the event alone."""

PATIENCE = 120  # seconds of the clock
