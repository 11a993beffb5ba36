"""The deployed functions: adapters that parse the event, call the library and answer."""
