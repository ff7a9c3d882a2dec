//! The services, end to end: a server on a port of its own, and the public client.
