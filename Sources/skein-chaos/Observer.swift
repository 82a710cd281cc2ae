import ClusterModel
import Foundation
import RunLayout
import Synchronization

/// Looks at a run ten times a second: which processes there are, and what the coordinator knows of them.
final class Observer: Sendable {
    struct State: Sendable {
        /// The processes that there are.
        var children: [String: Int32] = [:]
        /// When each process was first seen.
        var started: [(name: String, pid: Int32, at: ContinuousClock.Instant)] = []
        /// When the coordinator began to hold a process for silent or gone, each time.
        var doubts: [Int32: [ContinuousClock.Instant]] = [:]
        fileprivate var isDoubted: Set<Int32> = []
        /// When each worker began to have nothing to do while jobs of its kind waited.
        var idleSince: [String: ContinuousClock.Instant] = [:]
        var longestIdle: (name: String, seconds: Double) = ("nobody", 0)
        var committed = 0
        var lastStep = ContinuousClock.now
        var isOver = false
        /// Of `skein run`.
        var run: Int32 = 0
        /// Who cannot work because of the nemesis.
        var troubled: Set<String> = []
    }

    private let directory: String
    private let state = Mutex(State())

    init(directory: String) {
        self.directory = directory
        let thread = Thread { [self] in
            while !state.withLock({ $0.isOver }) {
                look()
                usleep(100_000)
            }
        }
        thread.start()
    }

    var current: State { state.withLock { $0 } }
    func follow(run pid: Int32) { state.withLock { $0.run = pid } }
    func set(troubled names: Set<String>) { state.withLock { $0.troubled = names } }
    func end() { state.withLock { $0.isOver = true } }

    /// Where the coordinator listens at this moment.
    static func coordinator(in directory: String) -> (endpoint: Sockets.Place, status: Sockets.Place)? {
        struct File: Decodable { var endpoint: String; var status: String }
        guard let data = RunLayout(directory).data(.coordinator),
            let file = try? JSONDecoder().decode(File.self, from: data),
            let endpoint = Sockets.Place(file.endpoint), let status = Sockets.Place(file.status)
        else { return nil }
        return (endpoint, status)
    }

    private func look() {
        let run = state.withLock { $0.run }
        let children = run > 0 ? Children.of(run) : [:]
        let snapshot = snapshot()
        let now = ContinuousClock.now
        state.withLock { state in
            for (name, pid) in children where state.children[name] != pid { state.started.append((name, pid, now)) }
            state.children = children
            if let snapshot { state.note(snapshot, now) }
        }
    }

    private func snapshot() -> ClusterSnapshot? {
        guard let place = Self.coordinator(in: directory)?.status,
            let descriptor = try? Sockets.connect(to: place)
        else { return nil }
        defer { close(descriptor) }
        Sockets.setTimeout(1, of: descriptor)
        let request = "GET /v1/status HTTP/1.1\r\nHost: \(place)\r\nConnection: close\r\n\r\n"
        guard Sockets.write(Array(request.utf8)[...], to: descriptor) else { return nil }
        var answer: [UInt8] = []
        while true {
            let bytes = Sockets.read(descriptor)
            if bytes.isEmpty { break }
            answer += bytes
        }
        guard let start = answer.firstIndex(of: UInt8(ascii: "{")),
            let end = answer.lastIndex(of: UInt8(ascii: "}")), start < end
        else { return nil }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try? decoder.decode(ClusterSnapshot.self, from: Data(answer[start...end]))
    }
}

extension Observer.State {
    fileprivate mutating func note(_ snapshot: ClusterSnapshot, _ now: ContinuousClock.Instant) {
        if snapshot.learner.step > committed {
            committed = snapshot.learner.step
            lastStep = now
        }
        var idle: Set<String> = []
        for worker in snapshot.workerList {
            let pid = Int32(clamping: worker.pid)
            if ["suspect", "gone"].contains(worker.state) {
                if isDoubted.insert(pid).inserted { doubts[pid, default: []].append(now) }
            } else {
                isDoubted.remove(pid)
            }
            let kind = worker.role == Role.generator.rawValue ? JobKind.generate : .score
            guard worker.state == "ready", worker.role != Role.learner.rawValue, !troubled.contains(worker.name),
                !troubled.contains("coordinator"), snapshot.queue[kind.rawValue]?.pending ?? 0 > 0
            else { continue }
            idle.insert(worker.id)
            let since = idleSince[worker.id] ?? now
            idleSince[worker.id] = since
            let seconds = (now - since) / .seconds(1)
            if seconds > longestIdle.seconds { longestIdle = (worker.name, seconds) }
        }
        idleSince = idleSince.filter { idle.contains($0.key) }
    }
}
