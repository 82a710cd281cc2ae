import Cluster
package import ClusterModel
import Foundation
import GRDB
import RunLayout
import Synchronization

/// What survives: SQLite in WAL mode with synchronous FULL, one writer thread, many writes in one transaction.
///
/// `write` never blocks; after a commit `onDurable` is told the number of the last entries on disk. After a failure nothing
/// is written any more. One process owns a journal, by file lock. Shutdown: `close()` waits for what was given before.
package final class Journal: Sendable {
    package struct Statistics: Sendable {
        package var commits = 0
        package var seconds = 0.0
        package var entries = 0
    }

    /// Entries of a commit from which on the next one waits for company.
    private static let busy = 16
    /// Bytes. A disk with less is full: SQLite makes its files larger by 32 KiB at a time.
    private static let leastRoom = 65_536

    private struct Inbox {
        var entries: [JournalEntry] = []
        /// Of the last entries.
        var number: UInt64 = 0
        var isClosing = false
    }

    private let queue: DatabaseQueue
    private let lock: Int32
    private let now: @Sendable () -> Int64
    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let numbers = Mutex(Statistics())
    private let onFailure: @Sendable (RunEnding) -> Void
    private let onDurable: @Sendable (UInt64) -> Void
    package let path: String

    package init(
        path: String, now: @escaping @Sendable () -> Int64,
        onDurable: @escaping @Sendable (UInt64) -> Void,
        onFailure: @escaping @Sendable (RunEnding) -> Void
    ) throws {
        self.path = path
        self.now = now
        self.onDurable = onDurable
        self.onFailure = onFailure
        lock = open(RunLayout.lock(ofJournal: path), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw RunEnding("cannot make \(path).lock: \(String(cString: strerror(errno)))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Foundation.close(lock)
            throw RunEnding("another coordinator owns \(path); stop it first", exitCode: 75)
        }
        do {
            var configuration = GRDB.Configuration()
            // Somebody who reads while it is opened, as `skein status` does, is waited for.
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA journal_mode = WAL")
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try JournalSchema.migrate(queue)
        } catch {
            throw RunEnding("cannot open the journal \(path): \(Self.reason(error, path))")
        }
        let thread = Thread { [self] in loop() }
        thread.name = "journal"
        thread.start()
    }

    package var statistics: Statistics { numbers.withLock { $0 } }

    /// Bytes of the journal and its log.
    package var size: Int {
        [path, path + "-wal"].reduce(0) { sum, file in
            sum + ((try? FileManager.default.attributesOfItem(atPath: file))?[.size] as? Int ?? 0)
        }
    }

    /// - Parameter number: larger with each call.
    package func write(_ entries: [JournalEntry], number: UInt64) {
        inbox.withLock { inbox in
            inbox.entries += entries
            inbox.number = number
        }
        wakeUp.signal()
    }

    package func close() {
        inbox.withLock { $0.isClosing = true }
        wakeUp.signal()
        ended.wait()
        try? queue.close()
        Foundation.close(lock)
    }

    /// Reads everything, and begins a new epoch.
    package func start() throws -> RecoveredRun {
        do {
            return try queue.write { try JournalSchema.start($0, now: now()) }
        } catch {
            throw RunEnding("cannot read the journal \(path): \(Self.reason(error, path))")
        }
    }

    /// SQLite says "disk I/O error" where a file that it maps cannot grow, so a full disk is looked for here.
    private static func reason(_ error: any Error, _ path: String) -> String {
        let folder = URL(filePath: path).deletingLastPathComponent().path
        let room = try? FileManager.default.attributesOfFileSystem(forPath: folder)[.systemFreeSize] as? Int
        let isFull = (error as? DatabaseError)?.resultCode == .SQLITE_FULL || (room ?? .max) < leastRoom
        return isFull ? "no space is left on the disk of \(folder) (\(error))" : "\(error)"
    }

    // MARK: - Writer thread

    private func loop() {
        var last = 0
        while true {
            wakeUp.wait()
            // One sync to disk for many results: where they come in numbers, a moment's wait costs nobody anything.
            if last >= Self.busy { Thread.sleep(forTimeInterval: 0.0005) }
            let work = inbox.withLock { inbox in
                defer { inbox.entries.removeAll(keepingCapacity: true) }
                return inbox
            }
            if !work.entries.isEmpty {
                guard commit(work.entries) else { break }
                last = work.entries.count
                onDurable(work.number)
            }
            if work.isClosing { break }
        }
        ended.signal()
    }

    private func commit(_ work: [JournalEntry]) -> Bool {
        let start = ContinuousClock.now
        do {
            let time = now()
            try queue.write { database in
                for entry in work { try JournalSchema.insert(entry, database, now: time) }
            }
        } catch {
            onFailure(
                RunEnding(
                    """
                    cannot write the journal \(path): \(Self.reason(error, path)). What was written before is safe; mend this and \
                    call the same command to go on from there
                    """))
            return false
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        numbers.withLock {
            $0.commits += 1
            $0.seconds += seconds
            $0.entries += work.count
        }
        return true
    }
}
