//! What a recount finds in a schema that somebody has damaged.
