-- Ids of this library are UUIDs; ids of the host are text, compared byte by byte. Times are whole
-- milliseconds.
-- Sides: 1 the client's, 2 the agent's; a set of sides is their sum.
--
-- "messaging" in double quotes is the schema's name: replace it where the schema has another name. Apply the
-- file in one transaction: psql --single-transaction --file.
--
-- No table has a foreign key: each step writes all of its rows in one statement, no referenced row is ever
-- deleted, and `verify` recounts. The keys of a conversation's rows start with its id.

DO $$
BEGIN
    -- Checked first: a role that may not create a schema may still create tables in an existing one.
    IF to_regnamespace('"messaging"') IS NULL THEN
        CREATE SCHEMA "messaging";
    END IF;
END
$$;

-- Applied migrations. `oldest_code` is the oldest code that can run on the database from then on.
CREATE TABLE "messaging".migration (
    version     integer     NOT NULL PRIMARY KEY,
    name        text        NOT NULL,
    oldest_code integer     NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- Every message updates a row, in most cases as a heap-only tuple: no index gets an entry, if the new version fits
-- on the same page and no column changes that an index names. Hence the free space in each page, and the generated
-- columns.
CREATE TABLE "messaging".conversation (
    id              uuid             NOT NULL PRIMARY KEY,
    client_id       text COLLATE "C" NOT NULL,
    agent_id        text COLLATE "C" NOT NULL,
    agent_user_id   text COLLATE "C" NOT NULL,
    access_version           bigint           NOT NULL DEFAULT 0,
    blocked_by      smallint         NOT NULL DEFAULT 0 CHECK (blocked_by BETWEEN 0 AND 3),
    closed          boolean          NOT NULL DEFAULT false,
    last_seq        bigint           NOT NULL DEFAULT 0,
    client_received    bigint           NOT NULL DEFAULT 0,
    client_read     bigint           NOT NULL DEFAULT 0 CHECK (client_read BETWEEN 0 AND client_received),
    client_read_seq bigint,
    client_read_at  timestamptz,
    -- Up to which position the side was mailed, or counts as mailed, and when the rest is due.
    client_mailed   bigint           NOT NULL DEFAULT 0 CHECK (client_mailed BETWEEN 0 AND client_received),
    client_due_at   timestamptz,
    agent_received     bigint           NOT NULL DEFAULT 0,
    agent_read      bigint           NOT NULL DEFAULT 0 CHECK (agent_read BETWEEN 0 AND agent_received),
    agent_read_seq  bigint,
    agent_read_at   timestamptz,
    agent_mailed    bigint           NOT NULL DEFAULT 0 CHECK (agent_mailed BETWEEN 0 AND agent_received),
    agent_due_at    timestamptz,
    created_at      timestamptz      NOT NULL,
    activity_at     timestamptz      NOT NULL,
    -- The number of events so far, which is that of the newest outbox entry, published or not.
    events          bigint           NOT NULL DEFAULT 0,
    -- What the indexes name instead of the columns that every message changes.
    activity_minute timestamptz      NOT NULL
        GENERATED ALWAYS AS (date_bin('1 minute', activity_at, '2000-01-01 00:00:00+00')) STORED,
    client_unread   boolean          NOT NULL GENERATED ALWAYS AS (client_received > client_read) STORED,
    agent_unread    boolean          NOT NULL GENERATED ALWAYS AS (agent_received > agent_read) STORED,
    CONSTRAINT conversation_pair UNIQUE (client_id, agent_id)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);

-- For the three lists: along the minutes, and sorted by the exact time within each.
CREATE INDEX conversation_by_client ON "messaging".conversation (client_id, activity_minute);
CREATE INDEX conversation_by_agent ON "messaging".conversation (agent_id, agent_user_id, activity_minute);
CREATE INDEX conversation_by_activity ON "messaging".conversation (activity_minute, id);
-- For walking through an agent's conversations to reassign them.
CREATE INDEX conversation_of_agent ON "messaging".conversation (agent_id, id);
-- For the unread totals: contains only conversations with unread messages.
CREATE INDEX conversation_unread_client ON "messaging".conversation (client_id) WHERE client_unread;
CREATE INDEX conversation_unread_agent ON "messaging".conversation (agent_user_id, agent_id) WHERE agent_unread;

-- For claiming digests, longest due first, by the side that is due earlier.
CREATE INDEX conversation_due ON "messaging".conversation (LEAST(client_due_at, agent_due_at))
    WHERE LEAST(client_due_at, agent_due_at) IS NOT NULL;

CREATE TABLE "messaging".booking_link (
    conversation_id uuid             NOT NULL,
    -- In the order of the requests; gaps are meaningless.
    position        bigint           NOT NULL GENERATED ALWAYS AS IDENTITY,
    booking_id      text COLLATE "C" NOT NULL,
    PRIMARY KEY (conversation_id, position),
    UNIQUE (conversation_id, booking_id)
);
CREATE INDEX booking_link_by_booking ON "messaging".booking_link (booking_id, position);

CREATE TABLE "messaging".message (
    conversation_id uuid             NOT NULL,
    seq             bigint           NOT NULL,
    id              uuid             NOT NULL,
    from_side       smallint         NOT NULL CHECK (from_side BETWEEN 0 AND 2), -- 0: the system
    to_sides        smallint         NOT NULL CHECK (to_sides BETWEEN 1 AND 3),
    sender_id       text COLLATE "C" NOT NULL,                                   -- empty: the system
    idempotency_key text COLLATE "C",
    body            text             NOT NULL,
    extras          text,
    created_at      timestamptz      NOT NULL,
    client_position bigint           NOT NULL,
    agent_position  bigint           NOT NULL,
    PRIMARY KEY (conversation_id, seq)
);

CREATE UNIQUE INDEX message_id ON "messaging".message (conversation_id, id);
CREATE UNIQUE INDEX message_idempotency_key ON "messaging".message (conversation_id, sender_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL;

-- For counting activity: rows are only appended, almost in time order.
CREATE INDEX message_by_time ON "messaging".message USING brin (created_at)
    WITH (pages_per_range = 32, autosummarize = on);

CREATE TABLE "messaging".receipt (
    conversation_id uuid        NOT NULL,
    side            smallint    NOT NULL CHECK (side IN (1, 2)),
    up_to_seq       bigint      NOT NULL,
    position        bigint      NOT NULL, -- the received position up to which this receipt reads
    read_at         timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, side, up_to_seq),
    UNIQUE (conversation_id, side, position)
);

CREATE INDEX receipt_by_time ON "messaging".receipt USING brin (read_at)
    WITH (pages_per_range = 32, autosummarize = on);

-- This table and the next two are queues. An empty queue keeps its file length, so that the planner, which
-- estimates an empty file to cost nothing, keeps using the index.
CREATE TABLE "messaging".outbox (
    conversation_id uuid        NOT NULL,
    number          bigint      NOT NULL,
    kind            smallint    NOT NULL CHECK (kind BETWEEN 1 AND 3), -- 1 message, 2 read, 3 updated
    side            smallint,                                          -- of a read
    seq             bigint,                                            -- of a message or a read
    at              timestamptz NOT NULL,
    -- The user whose access an update ended: kept until it is published.
    lost_access     text COLLATE "C",
    PRIMARY KEY (conversation_id, number)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE "messaging".lane (
    conversation_id uuid        NOT NULL PRIMARY KEY,
    head            bigint      NOT NULL,
    -- The number of the last entry: an acknowledgement is compared with it.
    tail            bigint      NOT NULL,
    owner           uuid,
    until           timestamptz NOT NULL,
    tries           bigint      NOT NULL DEFAULT 0,
    refusals        bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 70, vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000);

CREATE INDEX lane_due ON "messaging".lane (until, conversation_id);

-- Links made within a host's transaction to existing conversations. A worker finds them here after the commit
-- and gives them a number in the conversation's outbox and a lane, so that the host's transaction holds no
-- lock that a send would wait for.
CREATE TABLE "messaging".unnumbered (
    at              timestamptz NOT NULL,
    place           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    conversation_id uuid        NOT NULL,
    PRIMARY KEY (at, place)
) WITH (vacuum_truncate = off, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE "messaging".dead_letter (
    conversation_id uuid        NOT NULL,
    number          bigint      NOT NULL,
    kind            smallint    NOT NULL,
    side            smallint,
    seq             bigint,
    at              timestamptz NOT NULL,
    why             text        NOT NULL,
    dead_lettered_at    timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, number)
);

CREATE INDEX dead_letter_by_time ON "messaging".dead_letter (dead_lettered_at, conversation_id, number);

-- Users who have had a due digest: the lease and its owner, the attempt that may have been sent, and the
-- times of sent e-mails, newest last.
CREATE TABLE "messaging".digest_user (
    user_id              text COLLATE "C" NOT NULL PRIMARY KEY,
    owner                uuid,
    until                timestamptz,
    attempt_id           uuid,
    attempt_at           timestamptz,
    extent_conversations uuid[],
    extent_sides         smallint[],
    extent_up_tos        bigint[],
    sent                 timestamptz[]    NOT NULL DEFAULT '{}',
    -- How many times in a row the mail server has deferred the user's e-mail.
    deferrals            integer          NOT NULL DEFAULT 0
) WITH (fillfactor = 70);

-- The message up to which a side was pushed, and the time of the last push.
CREATE TABLE "messaging".pushed (
    conversation_id uuid        NOT NULL,
    side            smallint    NOT NULL CHECK (side IN (1, 2)),
    seq             bigint      NOT NULL,
    at              timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, side)
) WITH (fillfactor = 70);

-- Reports of conversations to the staff. Status: 0 open, 1 resolved, 2 dismissed.
CREATE TABLE "messaging".report (
    id              uuid             NOT NULL PRIMARY KEY,
    conversation_id uuid             NOT NULL,
    reporter_id     text COLLATE "C" NOT NULL,
    reporter_side   smallint         NOT NULL CHECK (reporter_side IN (1, 2)),
    reported_id     text COLLATE "C" NOT NULL,
    opened_at       timestamptz      NOT NULL,
    complaint_count integer          NOT NULL DEFAULT 1,
    status          smallint         NOT NULL DEFAULT 0 CHECK (status BETWEEN 0 AND 2),
    resolved_by      text COLLATE "C",
    resolved_at      timestamptz,
    note            text,
    CHECK ((status = 0) = (resolved_by IS NULL) AND (status = 0) = (resolved_at IS NULL))
);

CREATE UNIQUE INDEX report_open ON "messaging".report (conversation_id, reporter_id) WHERE status = 0;
CREATE INDEX report_by_status ON "messaging".report (status, id);
-- For erasing a user.
CREATE INDEX report_by_reporter ON "messaging".report (reporter_id);
CREATE INDEX report_by_reported ON "messaging".report (reported_id);

CREATE TABLE "messaging".complaint (
    report_id uuid        NOT NULL,
    place     bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    about     bigint      NOT NULL, -- the seq of a message, or 0: the whole conversation
    reason    text        NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (report_id, place)
);

-- A reason can be longer than an index entry, so the index holds a digest of it, by a function that is
-- available in FIPS mode. A backslash, 92, starts an escape in the text of a bytea, and is doubled to stand
-- for itself.
CREATE UNIQUE INDEX complaint_once ON "messaging".complaint
    (report_id, about, sha256(replace(reason, chr(92), chr(92) || chr(92))::bytea));

-- Copies of messages as they were when reported.
CREATE TABLE "messaging".evidence (
    report_id       uuid             NOT NULL,
    seq             bigint           NOT NULL,
    id              uuid             NOT NULL,
    from_side       smallint         NOT NULL,
    to_sides        smallint         NOT NULL,
    sender_id       text COLLATE "C" NOT NULL,
    body            text             NOT NULL,
    extras          text,
    created_at      timestamptz      NOT NULL,
    client_position bigint           NOT NULL,
    agent_position  bigint           NOT NULL,
    PRIMARY KEY (report_id, seq)
);

-- For erasing a user.
CREATE INDEX evidence_by_sender ON "messaging".evidence (sender_id);

-- The time at which a user's quota of an action is whole again. Unlogged: a crash makes every quota whole.
-- Actions: 1 sending, 2 opening, 3 reporting, 4 typing, 5 repeating a send.
CREATE UNLOGGED TABLE "messaging".rate (
    user_id  text COLLATE "C" NOT NULL,
    what     smallint         NOT NULL CHECK (what BETWEEN 1 AND 5),
    whole_at timestamptz      NOT NULL,
    PRIMARY KEY (user_id, what)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 1000);

-- A single row, written to check that the database takes writes.
CREATE TABLE "messaging".probe (
    one boolean     NOT NULL PRIMARY KEY CHECK (one),
    at  timestamptz NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE "messaging".audit (
    id              uuid             NOT NULL PRIMARY KEY,
    at              timestamptz      NOT NULL,
    actor_id        text COLLATE "C" NOT NULL,
    action          text             NOT NULL,
    conversation_id uuid
);

INSERT INTO "messaging".migration (version, name, oldest_code) VALUES (1, 'init', 1);
