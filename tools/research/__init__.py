"""Research tools: they read the desk's knowledge and earlier tickets, and change nothing."""
