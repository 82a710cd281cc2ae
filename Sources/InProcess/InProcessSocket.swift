import DequeModule
import Synchronization
package import Transport

/// One end in an ``InProcessNetwork``.
package final class InProcessSocket: TransportSocket, Sendable {
    private struct State {
        var inbox: Deque<[[UInt8]]> = []
        var isClosed = false
    }

    let kind: SocketKind
    private let loop: InProcessLoop
    private let network: InProcessNetwork
    private let queue: Int
    private let state = Mutex(State())

    init(_ kind: SocketKind, queue: Int, on loop: InProcessLoop, _ network: InProcessNetwork) {
        self.kind = kind
        self.queue = queue
        self.loop = loop
        self.network = network
    }

    package func bind(_ address: String) throws -> String { try network.bind(address, self) }

    package func connect(_ address: String) throws {
        guard case .dealer(let identity) = kind else { return }
        network.connect(identity, to: address, self)
    }

    package func connectAnew(_ address: String) throws { try connect(address) }

    package func send(_ frames: [Frame], to peer: [UInt8]?) -> SendResult {
        guard let receiver = network.receiver(of: self, to: peer) else {
            if case .dealer = kind { return .full }
            return .unreachable
        }
        var message = frames.map { frame in
            switch frame {
            case .bytes(let bytes): bytes
            case .shared(let shared): shared.withBytes { Array($0) }
            }
        }
        if case .dealer(let identity) = kind { message.insert(Array(identity.utf8), at: 0) }
        return receiver.put(message) ? .sent : .full
    }

    package func take() -> Received? { state.withLock { $0.inbox.popFirst() }.map { Received($0) } }

    package func close() {
        state.withLock {
            $0.isClosed = true
            $0.inbox.removeAll()
        }
        network.close(self)
    }

    /// False when as much waits as may wait.
    private func put(_ message: [[UInt8]]) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isClosed, state.inbox.count < queue else { return false }
            state.inbox.append(message)
            return true
        }
        if isTaken { loop.tellReadable(self) }
        return isTaken
    }

    func tellConnection(_ isUp: Bool) { loop.tellConnection(self, isUp) }
}
