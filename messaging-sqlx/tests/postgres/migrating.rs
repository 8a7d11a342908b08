//! How a schema comes to be there, whoever makes it, and with whatever rights.
