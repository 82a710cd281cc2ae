import Synchronization
import Transport

/// Sockets without a network, and a clock that stands still until somebody moves it: for tests of whatever speaks over a
/// ``TransportLoop``.
///
/// Every loop has a thread of its own, as one of ZeroMQ has. Messages arrive at once and in order. A test moves the time with
/// ``advance(by:)``, cuts connections with ``cut(_:)`` and has them made again with ``heal(_:)``.
package final class InProcessNetwork: Sendable {
    private struct State {
        var now: Duration = .zero
        var loops: [InProcessLoop] = []
        /// By address; those that listen.
        var routers: [String: InProcessSocket] = [:]
        /// By identity; with the address that each talks to, and whether it is connected.
        var dealers: [String: Dealer] = [:]
        var isCut: Set<String> = []
        var ports = 0
    }

    private struct Dealer {
        var socket: InProcessSocket
        var address: String
        var isConnected = false
    }

    private let start = ContinuousClock.now
    private let state = Mutex(State())

    package init() {}

    package var now: ContinuousClock.Instant { start + state.withLock { $0.now } }

    package func loop() -> InProcessLoop {
        let loop = InProcessLoop(self)
        state.withLock { $0.loops.append(loop) }
        return loop
    }

    /// Moves the time on, from one timer that is due to the next, and waits after each until every loop has done what came
    /// of it.
    package func advance(by duration: Duration) async {
        let end = state.withLock { $0.now } + duration
        await settle()
        while true {
            let loops = state.withLock { $0.loops }
            let next = loops.compactMap(\.nextTimer).min().map { max($0, now) } ?? start + end
            guard next <= start + end else { break }
            state.withLock { $0.now = next - start }
            var ran = false
            for loop in loops { if await loop.runTimers() { ran = true } }
            await settle()
            if !ran { break }
        }
        state.withLock { $0.now = max($0.now, end) }
    }

    /// Waits until no loop has anything left to do.
    package func settle() async {
        let loops = state.withLock { $0.loops }
        var before: [UInt64] = []
        while true {
            for loop in loops { await loop.pass() }
            let after = loops.map(\.turns)
            if after == before { return }
            before = after
        }
    }

    // MARK: - Connections

    /// Messages of and to this dealer are lost from now on, and either side is told that the connection is.
    package func cut(_ identity: String) {
        let dealer = state.withLock { state -> Dealer? in
            state.isCut.insert(identity)
            defer { state.dealers[identity]?.isConnected = false }
            return state.dealers[identity]
        }
        if let dealer, dealer.isConnected { dealer.socket.tellConnection(false) }
    }

    package func heal(_ identity: String) {
        state.withLock { _ = $0.isCut.remove(identity) }
        connectWaiting()
    }

    func bind(_ address: String, _ socket: InProcessSocket) throws -> String {
        let bound = try state.withLock { state -> String in
            var bound = address
            if address.hasSuffix(":0") {
                state.ports += 1
                bound = "\(address.dropLast())\(state.ports)"
            }
            guard state.routers[bound] == nil else {
                throw TransportError(.addressInUse, "cannot listen at \(bound): the address is in use")
            }
            state.routers[bound] = socket
            return bound
        }
        connectWaiting()
        return bound
    }

    func connect(_ identity: String, to address: String, _ socket: InProcessSocket) {
        state.withLock { $0.dealers[identity] = Dealer(socket: socket, address: address) }
        connectWaiting()
    }

    private func connectWaiting() {
        let connected = state.withLock { state -> [InProcessSocket] in
            var connected: [InProcessSocket] = []
            for identity in state.dealers.keys.sorted() {
                guard let dealer = state.dealers[identity], !dealer.isConnected, !state.isCut.contains(identity),
                    state.routers[dealer.address] != nil
                else { continue }
                state.dealers[identity]?.isConnected = true
                connected.append(dealer.socket)
            }
            return connected
        }
        for socket in connected { socket.tellConnection(true) }
    }

    func close(_ socket: InProcessSocket) {
        let lost = state.withLock { state -> [InProcessSocket] in
            if case .dealer(let identity) = socket.kind {
                if state.dealers[identity]?.socket === socket { state.dealers[identity] = nil }
                return []
            }
            guard let address = state.routers.first(where: { $0.value === socket })?.key else { return [] }
            state.routers[address] = nil
            var lost: [InProcessSocket] = []
            for (identity, dealer) in state.dealers where dealer.address == address && dealer.isConnected {
                state.dealers[identity]?.isConnected = false
                lost.append(dealer.socket)
            }
            return lost
        }
        for socket in lost { socket.tellConnection(false) }
    }

    /// Who gets what `socket` sends: the router that a dealer talks to, or the dealer of that identity.
    func receiver(of socket: InProcessSocket, to peer: [UInt8]?) -> InProcessSocket? {
        state.withLock { state in
            switch socket.kind {
            case .dealer(let identity):
                guard let dealer = state.dealers[identity], dealer.isConnected else { return nil }
                return state.routers[dealer.address]
            case .router:
                guard let peer, let dealer = state.dealers[String(decoding: peer, as: UTF8.self)], dealer.isConnected,
                    state.routers[dealer.address] === socket
                else { return nil }
                return dealer.socket
            }
        }
    }
}
