-- Ids of this library are 16-byte blobs, ids of the host are text, times are milliseconds since 1970.
-- Sides: 1 the client's, 2 the agent's; a set of sides is their sum.

-- Identifies the file: the store refuses a file without it.
PRAGMA application_id = 0x6d657373;

-- Applied migrations. `oldest_code` is the oldest code that can run on the database from then on.
CREATE TABLE migration (
    version     INTEGER NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    oldest_code INTEGER NOT NULL,
    applied_at  INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;

CREATE TABLE conversation (
    id              BLOB    NOT NULL PRIMARY KEY,
    client_id       TEXT    NOT NULL,
    agent_id        TEXT    NOT NULL,
    agent_user_id   TEXT    NOT NULL,
    access_version           INTEGER NOT NULL,
    blocked_by      INTEGER NOT NULL CHECK (blocked_by BETWEEN 0 AND 3),
    closed          INTEGER NOT NULL CHECK (closed IN (0, 1)),
    last_seq        INTEGER NOT NULL,
    client_received    INTEGER NOT NULL,
    client_read     INTEGER NOT NULL CHECK (client_read BETWEEN 0 AND client_received),
    client_read_seq INTEGER,
    client_read_at  INTEGER,
    -- Up to which position the side was mailed, or counts as mailed, and when the rest is due.
    client_mailed   INTEGER NOT NULL CHECK (client_mailed BETWEEN 0 AND client_received),
    client_due_at   INTEGER,
    agent_received     INTEGER NOT NULL,
    agent_read      INTEGER NOT NULL CHECK (agent_read BETWEEN 0 AND agent_received),
    agent_read_seq  INTEGER,
    agent_read_at   INTEGER,
    agent_mailed    INTEGER NOT NULL CHECK (agent_mailed BETWEEN 0 AND agent_received),
    agent_due_at    INTEGER,
    created_at      INTEGER NOT NULL,
    activity_at     INTEGER NOT NULL,
    -- The number of events so far, which is that of the newest outbox entry, published or not.
    events          INTEGER NOT NULL DEFAULT 0,
    UNIQUE (client_id, agent_id)
) STRICT, WITHOUT ROWID;

-- For the three lists.
CREATE INDEX conversation_by_client ON conversation (client_id, activity_at, id);
CREATE INDEX conversation_by_agent ON conversation (agent_id, agent_user_id, activity_at, id);
CREATE INDEX conversation_by_activity ON conversation (activity_at, id);
-- For walking through an agent's conversations to reassign them.
CREATE INDEX conversation_of_agent ON conversation (agent_id, id);
-- For the unread totals: contains only conversations with unread messages.
CREATE INDEX conversation_unread_client ON conversation (client_id, client_received, client_read)
    WHERE client_received > client_read;
CREATE INDEX conversation_unread_agent ON conversation (agent_user_id, agent_id, agent_received, agent_read)
    WHERE agent_received > agent_read;

-- For claiming digests, longest due first, by the side that is due earlier.
CREATE INDEX conversation_due ON conversation (
    MIN(COALESCE(client_due_at, agent_due_at), COALESCE(agent_due_at, client_due_at))
) WHERE client_due_at IS NOT NULL OR agent_due_at IS NOT NULL;

CREATE TABLE booking_link (
    conversation_id BLOB    NOT NULL REFERENCES conversation (id),
    -- In the order of the requests, both of a conversation's links and of a booking's; gaps are meaningless.
    position        INTEGER NOT NULL,
    booking_id      TEXT    NOT NULL,
    PRIMARY KEY (conversation_id, position),
    UNIQUE (conversation_id, booking_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX booking_link_by_booking ON booking_link (booking_id, position);

CREATE TABLE message (
    conversation_id BLOB    NOT NULL REFERENCES conversation (id),
    seq             INTEGER NOT NULL,
    id              BLOB    NOT NULL,
    from_side       INTEGER NOT NULL CHECK (from_side BETWEEN 0 AND 2), -- 0: the system
    to_sides        INTEGER NOT NULL CHECK (to_sides BETWEEN 1 AND 3),
    sender_id       TEXT    NOT NULL,                                   -- empty: the system
    idempotency_key TEXT,
    body            TEXT    NOT NULL,
    extras          TEXT,
    created_at      INTEGER NOT NULL,
    client_position INTEGER NOT NULL,
    agent_position  INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX message_id ON message (conversation_id, id);
CREATE UNIQUE INDEX message_idempotency_key ON message (conversation_id, sender_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE TABLE receipt (
    conversation_id BLOB    NOT NULL REFERENCES conversation (id),
    side            INTEGER NOT NULL CHECK (side IN (1, 2)),
    up_to_seq       INTEGER NOT NULL,
    position        INTEGER NOT NULL, -- the received position up to which this receipt reads
    read_at         INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, side, up_to_seq),
    UNIQUE (conversation_id, side, position)
) STRICT, WITHOUT ROWID;

-- For counting activity.
CREATE INDEX message_by_time ON message (created_at);
CREATE INDEX receipt_by_time ON receipt (read_at);

CREATE TABLE outbox (
    conversation_id BLOB    NOT NULL REFERENCES conversation (id),
    number          INTEGER NOT NULL,
    kind            INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 3), -- 1 message, 2 read, 3 updated
    side            INTEGER,                                       -- of a read
    seq             INTEGER,                                       -- of a message or a read
    at              INTEGER NOT NULL,
    -- The user whose access an update ended: kept until it is published.
    lost_access     TEXT,
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE lane (
    conversation_id BLOB    NOT NULL PRIMARY KEY REFERENCES conversation (id),
    head            INTEGER NOT NULL,
    owner           BLOB,
    until           INTEGER NOT NULL,
    tries           INTEGER NOT NULL DEFAULT 0,
    refusals        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX lane_due ON lane (until, conversation_id);

CREATE TABLE dead_letter (
    conversation_id BLOB    NOT NULL,
    number          INTEGER NOT NULL,
    kind            INTEGER NOT NULL,
    side            INTEGER,
    seq             INTEGER,
    at              INTEGER NOT NULL,
    why             TEXT    NOT NULL,
    dead_lettered_at    INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letter_by_time ON dead_letter (dead_lettered_at, conversation_id, number);

-- Users who have had a due digest: the lease and its owner, and the attempt that may have been sent.
CREATE TABLE digest_user (
    user_id    TEXT NOT NULL PRIMARY KEY,
    owner      BLOB,
    until      INTEGER,
    attempt_id BLOB,
    attempt_at INTEGER,
    -- How many times in a row the mail server has deferred the user's e-mail.
    deferrals  INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- The extents of an attempt.
CREATE TABLE digest_user_extent (
    user_id         TEXT    NOT NULL,
    place           INTEGER NOT NULL,
    conversation_id BLOB    NOT NULL,
    side            INTEGER NOT NULL CHECK (side IN (1, 2)),
    up_to           INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

-- The times of sent e-mails.
CREATE TABLE digest_user_sent (
    user_id TEXT    NOT NULL,
    place   INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (user_id, place)
) STRICT, WITHOUT ROWID;

-- The message up to which a side was pushed, and the time of the last push.
CREATE TABLE pushed (
    conversation_id BLOB    NOT NULL,
    side            INTEGER NOT NULL CHECK (side IN (1, 2)),
    seq             INTEGER NOT NULL,
    at              INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, side)
) STRICT, WITHOUT ROWID;

-- Reports of conversations to the staff. Status: 0 open, 1 resolved, 2 dismissed.
CREATE TABLE report (
    id              BLOB    NOT NULL PRIMARY KEY,
    conversation_id BLOB    NOT NULL REFERENCES conversation (id),
    reporter_id     TEXT    NOT NULL,
    reporter_side   INTEGER NOT NULL CHECK (reporter_side IN (1, 2)),
    reported_id     TEXT    NOT NULL,
    opened_at       INTEGER NOT NULL,
    status          INTEGER NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 2),
    resolved_by      TEXT,
    resolved_at      INTEGER,
    note            TEXT,
    CHECK ((status = 0) = (resolved_by IS NULL) AND (status = 0) = (resolved_at IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX report_open ON report (conversation_id, reporter_id) WHERE status = 0;
CREATE INDEX report_by_status ON report (status, id);
-- For erasing a user.
CREATE INDEX report_by_reporter ON report (reporter_id);
CREATE INDEX report_by_reported ON report (reported_id);

CREATE TABLE complaint (
    report_id BLOB    NOT NULL REFERENCES report (id),
    place     INTEGER NOT NULL,
    about     INTEGER NOT NULL, -- the seq of a message, or 0: the whole conversation
    reason    TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (report_id, place)
) STRICT, WITHOUT ROWID;

-- Copies of messages as they were when reported.
CREATE TABLE evidence (
    report_id       BLOB    NOT NULL REFERENCES report (id),
    seq             INTEGER NOT NULL,
    id              BLOB    NOT NULL,
    from_side       INTEGER NOT NULL,
    to_sides        INTEGER NOT NULL,
    sender_id       TEXT    NOT NULL,
    body            TEXT    NOT NULL,
    extras          TEXT,
    created_at      INTEGER NOT NULL,
    client_position INTEGER NOT NULL,
    agent_position  INTEGER NOT NULL,
    PRIMARY KEY (report_id, seq)
) STRICT, WITHOUT ROWID;

-- For erasing a user.
CREATE INDEX evidence_by_sender ON evidence (sender_id);

CREATE TABLE audit (
    id              BLOB    NOT NULL PRIMARY KEY,
    at              INTEGER NOT NULL,
    actor_id        TEXT    NOT NULL,
    action          TEXT    NOT NULL,
    conversation_id BLOB
) STRICT, WITHOUT ROWID;

INSERT INTO migration (version, name, oldest_code) VALUES (1, 'init', 1);
