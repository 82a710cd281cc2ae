import Cluster
import ClusterModel
import Console
import Foundation
import Transport
import ZeroMQ

/// Many workers in one process, each with a connection and an identity of its own: all that costs the coordinator something
/// is real. They answer at once.
///
/// One socket has all the connections: one for each worker would measure how long a poll over a thousand of them takes.
final class Fleet {
    private struct Worker {
        let hello: Hello
        var epoch: UInt64 = 0
        var greeting: UInt64 = 0
        var isJoined = false
    }

    private let load: Load
    private let finish: @Sendable () -> Void
    private var workers: [Worker] = []
    private var socket: Socket?
    private var turn = 0

    /// Ends with the run.
    static func run(_ load: Load, _ address: String) async throws {
        ParentWatch.start()
        OpenFiles.raiseLimit()
        let thread = try SocketThread()
        let (ended, continuation) = AsyncStream.makeStream(of: Void.self)
        try await thread.run {
            let fleet = Fleet(load) { continuation.finish() }
            try fleet.join(address, on: thread)
        }
        for await _ in ended {}
    }

    private init(_ load: Load, finish: @escaping @Sendable () -> Void) {
        self.load = load
        self.finish = finish
    }

    private func join(_ address: String, on thread: SocketThread) throws {
        guard let socket = try thread.open(.router, queue: 100_000) as? Socket else { return }
        self.socket = socket
        for number in 0..<load.workers {
            let hello = Hello(
                role: .generator, name: "worker-\(number)", incarnation: 1,
                capabilities: Capabilities(kinds: [.generate]), host: "bench", pid: number, takesAcknowledgements: true)
            workers.append(Worker(hello: hello))
            try socket.connect(address, as: hello.id.routingID, alias: Array("\(number)".utf8))
        }
        thread.watch(socket) { self.receive() }
        // Each is heard once a second.
        thread.every(.milliseconds(50)) {
            self.turn += 1
            for number in stride(from: self.turn % 20, to: self.workers.count, by: 20) { self.pulse(number) }
        }
    }

    private func pulse(_ number: Int) {
        if workers[number].isJoined {
            say(.report(WorkerReport(state: "busy", residentBytes: 0)), number)
        } else {
            workers[number].greeting += 1
            say(.hello(workers[number].hello), number, id: workers[number].greeting)
        }
    }

    private func receive() {
        for _ in 0..<4096 {
            guard let frames = socket?.receive(), let alias = frames.first else { return }
            guard let number = Int(String(decoding: alias, as: UTF8.self)), workers.indices.contains(number),
                let envelope = try? Codec.decode(frames.dropFirst())
            else { continue }
            switch envelope.message {
            case .welcome(let welcome):
                workers[number].epoch = welcome.epoch
                workers[number].isJoined = true
                say(.credit(slots: load.slots), number)
            case .lease(let grants, _):
                for grant in grants {
                    guard case .generate(let job) = grant.job else { continue }
                    say(.result(job.id, attempt: grant.attempt, Load.answer(job)), number)
                }
            case .stop:
                say(.bye(reason: "stopped"), number)
                finish()
                return
            default: break
            }
        }
    }

    private func say(_ message: Message, _ number: Int, id: UInt64 = 0) {
        guard let frames = try? Codec.encode(Envelope(id: id, epoch: workers[number].epoch, message)) else { return }
        // A queue holds more than a worker can have to say.
        _ = socket?.send(frames, to: Array("\(number)".utf8))
    }
}
