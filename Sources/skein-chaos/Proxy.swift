import Foundation
import Synchronization

/// Stands between a worker and one of its peers, and passes bytes on, unless it is told to do otherwise.
///
/// One thread accepts, and each connection has two threads, one for each direction.
final class Proxy: Sendable {
    /// What happens to segments, and until when.
    struct Trouble: Sendable {
        var kind: FaultKind
        var until: ContinuousClock.Instant
        var touched = 0
    }

    private struct State {
        var trouble: Trouble?
        var random: Randomness
        /// Descriptors of both sides of each connection.
        var connections: [Int: (Int32, Int32)] = [:]
        var next = 0
        var isOver = false
    }

    /// Share of segments that are spoilt while a trouble lasts.
    private static let spoilt = 0.3

    let place: Sockets.Place
    private let descriptor: Int32
    private let upstream: @Sendable () -> Sockets.Place?
    private let state: Mutex<State>

    /// - Parameter upstream: where to pass bytes on to, asked for each connection; nil: nobody is there.
    init(
        at place: Sockets.Place, seed: UInt64 = 0, name: String = "",
        to upstream: @escaping @Sendable () -> Sockets.Place?
    ) throws {
        (descriptor, self.place) = try Sockets.listen(at: place)
        self.upstream = upstream
        state = Mutex(State(random: Randomness(seed: seed, name)))
        Self.thread { [self] in accept() }
    }

    /// Begins a trouble; `cut` and the others touch segments until `seconds` are over.
    func begin(_ kind: FaultKind, for seconds: Double) {
        state.withLock { $0.trouble = Trouble(kind: kind, until: .now + .seconds(seconds)) }
    }

    /// Ends the trouble. Returns how many segments it touched.
    func end() -> Int {
        state.withLock { state in
            defer { state.trouble = nil }
            return state.trouble?.touched ?? 0
        }
    }

    func close() {
        let open = state.withLock { state in
            state.isOver = true
            return Array(state.connections.values)
        }
        shutdown(descriptor, Int32(SHUT_RDWR))
        Foundation.close(descriptor)
        for (a, b) in open { Self.hangUp(a, b) }
    }

    // MARK: - Threads

    private func accept() {
        while true {
            let client = Foundation.accept(descriptor, nil, nil)
            if state.withLock({ $0.isOver }) {
                if client >= 0 { Foundation.close(client) }
                return
            }
            guard client >= 0 else {
                usleep(10_000)
                continue
            }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            Self.thread { [self] in serve(client) }
        }
    }

    private func serve(_ client: Int32) {
        // A peer that is not there, or not yet, is a connection that ends at once; who connects tries again.
        guard let place = upstream(), let server = try? Sockets.connect(to: place) else {
            Foundation.close(client)
            return
        }
        var yes: Int32 = 1
        setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        let number = state.withLock { state in
            state.next += 1
            state.connections[state.next] = (client, server)
            return state.next
        }
        let both = DispatchGroup()
        both.enter()
        Self.thread { [self] in
            pump(from: server, to: client)
            both.leave()
        }
        pump(from: client, to: server)
        both.wait()
        state.withLock { $0.connections[number] = nil }
        Foundation.close(client)
        Foundation.close(server)
    }

    private func pump(from source: Int32, to sink: Int32) {
        defer { Self.hangUp(source, sink) }
        while true {
            let bytes = Sockets.read(source)
            guard !bytes.isEmpty else { return }
            guard pass(bytes, to: sink) else { return }
        }
    }

    /// False when the connection is to end.
    private func pass(_ bytes: [UInt8], to sink: Int32) -> Bool {
        while case .hold(let seconds) = decide(bytes) {
            // Held back in one direction, and all that follows with it.
            Thread.sleep(forTimeInterval: seconds)
            if state.withLock({ $0.trouble?.kind != .partition }) { break }
        }
        guard let trouble = state.withLock({ $0.trouble }), trouble.until > .now, spoils(trouble.kind) else {
            return Sockets.write(bytes[...], to: sink)
        }
        state.withLock { $0.trouble?.touched += 1 }
        switch trouble.kind {
        case .duplicate: return Sockets.write((bytes + bytes)[...], to: sink)
        case .cut:
            _ = Sockets.write(bytes.prefix(bytes.count / 2), to: sink)
            return false
        case .flip:
            var changed = bytes
            let (index, bit) = state.withLock {
                (Int.random(in: bytes.indices, using: &$0.random), Int.random(in: 0..<8, using: &$0.random))
            }
            changed[index] ^= 1 << UInt8(bit)
            return Sockets.write(changed[...], to: sink)
        default: return Sockets.write(bytes[...], to: sink)
        }
    }

    private enum Decision { case go, hold(Double) }

    private func decide(_ bytes: [UInt8]) -> Decision {
        state.withLock { state in
            guard !state.isOver, let trouble = state.trouble, trouble.until > .now else { return .go }
            switch trouble.kind {
            case .delay:
                state.trouble?.touched += 1
                return .hold(state.random.seconds(0.02...0.4))
            case .partition:
                state.trouble?.touched += 1
                return .hold(0.05)
            default: return .go
            }
        }
    }

    private func spoils(_ kind: FaultKind) -> Bool {
        guard [.duplicate, .cut, .flip].contains(kind) else { return false }
        return state.withLock { $0.random.chance(Self.spoilt) }
    }

    /// Both directions end; the descriptors are closed where they were opened.
    private static func hangUp(_ a: Int32, _ b: Int32) {
        shutdown(a, Int32(SHUT_RDWR))
        shutdown(b, Int32(SHUT_RDWR))
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 256 << 10
        thread.start()
    }
}
