import GRDB

/// The tables of a feedback store. They are strict: SQLite refuses a value of another type than the column's.
///
/// `person` and `session` hold hashes of secrets, never the secrets. `answer.author` is the person who wrote a text.
/// `task.signature` makes the import of the same file twice harmless. `lease` keeps every lease and how it ended. `act` keeps
/// every judgement, also those that were taken back; of the others there is one a person and task. `meta` has the key
/// `changes`: every process beside the server raises it, and the server reads the store anew when it sees another number.
enum FeedbackSchema {
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { database in
            try database.execute(
                sql: """
                    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;
                    INSERT INTO meta (key, value) VALUES ('changes', '0'), ('identity', lower(hex(randomblob(4))));
                    CREATE TABLE person (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, pseudonym TEXT NOT NULL UNIQUE,
                        link_hash TEXT UNIQUE, is_lead INTEGER NOT NULL DEFAULT 0, invited_ms INTEGER NOT NULL,
                        revoked_ms INTEGER, consented_ms INTEGER) STRICT;
                    CREATE TABLE session (
                        hash TEXT PRIMARY KEY, person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
                        created_ms INTEGER NOT NULL) WITHOUT ROWID, STRICT;
                    CREATE TABLE prompt (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, content TEXT NOT NULL) STRICT;
                    CREATE TABLE answer (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, prompt INTEGER NOT NULL REFERENCES prompt(id),
                        source TEXT NOT NULL, text TEXT NOT NULL, author INTEGER REFERENCES person(id),
                        corrects INTEGER REFERENCES answer(id) ON DELETE SET NULL) STRICT;
                    CREATE INDEX answer_of_prompt ON answer (prompt);
                    CREATE TABLE task (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL,
                        prompt INTEGER NOT NULL REFERENCES prompt(id), signature TEXT NOT NULL UNIQUE, wanted INTEGER,
                        gold TEXT, is_entry_test INTEGER NOT NULL DEFAULT 0, reviews INTEGER,
                        is_closed INTEGER NOT NULL DEFAULT 0, sent_back_to INTEGER, sent_back_by INTEGER) STRICT;
                    CREATE TABLE task_answer (
                        task INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE, place INTEGER NOT NULL,
                        answer INTEGER NOT NULL REFERENCES answer(id), PRIMARY KEY (task, place)) WITHOUT ROWID, STRICT;
                    CREATE TABLE task_route (
                        task INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE, name TEXT NOT NULL,
                        PRIMARY KEY (task, name)) WITHOUT ROWID, STRICT;
                    CREATE TABLE lease (
                        id INTEGER PRIMARY KEY, task INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE,
                        person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE, shown_order TEXT NOT NULL,
                        shown_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL, is_adjudication INTEGER NOT NULL,
                        draft INTEGER, end TEXT, ended_ms INTEGER) STRICT;
                    CREATE UNIQUE INDEX one_lease_a_person ON lease (person) WHERE end IS NULL;
                    CREATE INDEX lease_of_task ON lease (task);
                    CREATE TABLE act (
                        id INTEGER PRIMARY KEY, lease INTEGER NOT NULL UNIQUE,
                        task INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE,
                        person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE, shown_order TEXT NOT NULL,
                        judgement TEXT NOT NULL, remarks TEXT NOT NULL, shown_ms INTEGER NOT NULL,
                        acted_ms INTEGER NOT NULL, seconds REAL NOT NULL, idle_seconds REAL NOT NULL,
                        is_adjudication INTEGER NOT NULL, withdrawn_ms INTEGER) STRICT;
                    CREATE UNIQUE INDEX one_act_a_person_and_task ON act (task, person) WHERE withdrawn_ms IS NULL;
                    CREATE TABLE export (
                        id INTEGER PRIMARY KEY AUTOINCREMENT, exported_ms INTEGER NOT NULL, place TEXT NOT NULL,
                        sha256 TEXT NOT NULL) STRICT;
                    CREATE TABLE export_person (
                        export INTEGER NOT NULL REFERENCES export(id) ON DELETE CASCADE,
                        person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE, rows INTEGER NOT NULL,
                        PRIMARY KEY (export, person)) WITHOUT ROWID, STRICT;
                    """)
        }
        return migrator
    }()
}
