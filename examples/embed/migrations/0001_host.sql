-- The host's own tables, as they were before there were conversations.
CREATE TABLE users (id text PRIMARY KEY, name text NOT NULL, agency text UNIQUE, email text NOT NULL);
CREATE TABLE sessions (token text PRIMARY KEY, user_id text NOT NULL REFERENCES users);
CREATE TABLE bookings (
    id     text PRIMARY KEY DEFAULT gen_random_uuid()::text,
    client text NOT NULL REFERENCES users,
    agency text NOT NULL REFERENCES users (agency),
    tour   text NOT NULL CHECK (tour <> '')
);

-- Sample users.
INSERT INTO users VALUES 
    ('carla', 'Carla Client', NULL, 'carla@example.com'), ('albert', 'Alpine Trails', 'alpine', 'albert@example.com');
INSERT INTO sessions VALUES ('session-of-carla', 'carla'), ('session-of-albert', 'albert');
