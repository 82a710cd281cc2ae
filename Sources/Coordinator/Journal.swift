import Cluster
package import ClusterModel
package import Foundation
import GRDB
import Synchronization

/// What survives: SQLite in WAL mode with synchronous FULL, one writer thread, many writes in one transaction.
///
/// `write` never blocks; completions run after the commit is on disk, where `deliver` takes all those of one commit. One
/// process owns a journal, by file lock. Shutdown: `close()` waits for what was given before.
package final class Journal: Sendable {
    package enum Entry: Sendable {
        /// A result, as its frames came.
        case result(JobID, worker: String, attempt: Int, frames: [[UInt8]])
        case duplicate(JobID, worker: String, attempt: Int)
        /// Results that do not count: their jobs are to be done again.
        case withdrawn([JobID], reason: String)
        case step(Int, metrics: Data, ArtifactManifest)
        case weights(ArtifactManifest)
        case event(kind: String, detail: String)
        case meta(key: String, value: String)
    }

    package struct State: Sendable {
        package var epoch: UInt64 = 1
        package var meta: [String: String] = [:]
        package var committedSteps = 0
        package var manifests: [ArtifactManifest] = []
        package var trajectories: [JobID: [Trajectory]] = [:]
        package var scores: [JobID: Scores] = [:]
    }

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
        var entries: [(Entry, (@Sendable () -> Void)?)] = []
        var isClosing = false
    }

    private let queue: DatabaseQueue
    private let lock: Int32
    private let now: @Sendable () -> Int64
    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let numbers = Mutex(Statistics())
    private let onFailure: @Sendable (CoordinatorError) -> Void
    private let deliver: @Sendable (@escaping @Sendable () -> Void) -> Void
    package let path: String

    package init(
        path: String, now: @escaping @Sendable () -> Int64,
        deliver: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        onFailure: @escaping @Sendable (CoordinatorError) -> Void
    ) throws {
        self.path = path
        self.now = now
        self.deliver = deliver
        self.onFailure = onFailure
        lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else {
            throw CoordinatorError("cannot make \(path).lock: \(String(cString: strerror(errno)))")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            Foundation.close(lock)
            throw CoordinatorError("another coordinator owns \(path); stop it first", exitCode: 75)
        }
        do {
            var configuration = GRDB.Configuration()
            configuration.prepareDatabase { database in
                try database.execute(sql: "PRAGMA journal_mode = WAL")
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            try JournalSchema.migrate(queue)
        } catch {
            throw CoordinatorError("cannot open the journal \(path): \(Self.reason(error, path))")
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

    package func write(_ entries: [Entry], then completion: (@Sendable () -> Void)? = nil) {
        guard !entries.isEmpty else {
            completion?()
            return
        }
        inbox.withLock { inbox in
            for (index, entry) in entries.enumerated() {
                inbox.entries.append((entry, index + 1 == entries.count ? completion : nil))
            }
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
    package func start() throws -> State {
        do {
            return try queue.write { try JournalSchema.start($0, now: now()) }
        } catch {
            throw CoordinatorError("cannot read the journal \(path): \(Self.reason(error, path))")
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
            let (work, isClosing) = inbox.withLock { inbox in
                defer { inbox.entries.removeAll(keepingCapacity: true) }
                return (inbox.entries, inbox.isClosing)
            }
            if !work.isEmpty {
                guard commit(work) else { break }
                last = work.count
            }
            if isClosing { break }
        }
        ended.signal()
    }

    private func commit(_ work: [(Entry, (@Sendable () -> Void)?)]) -> Bool {
        let start = ContinuousClock.now
        do {
            let time = now()
            try queue.write { database in
                for (entry, _) in work { try JournalSchema.insert(entry, database, now: time) }
            }
        } catch {
            onFailure(
                CoordinatorError(
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
        let completions = work.compactMap(\.1)
        if !completions.isEmpty { deliver { for completion in completions { completion() } } }
        return true
    }
}
