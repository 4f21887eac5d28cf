CREATE TABLE tickets (id INTEGER PRIMARY KEY, customer TEXT, status TEXT, updated_at TEXT);
INSERT INTO tickets VALUES
  (1, 'Ada', 'open', '2026-01-01 08:00:00'),
  (2, 'Ben', 'waiting', '2026-01-01 09:30:00'),
  (3, 'Chiara', 'closed', '2026-01-02 10:00:00');
