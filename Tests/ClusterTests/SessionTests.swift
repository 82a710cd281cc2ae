import Cluster
import ClusterModel
import Foundation
import InProcess
import Logging
import Synchronization
import Testing
import Transport

/// Links and endpoints in one process, on a clock that the test moves.
@Suite struct SessionTests {
    static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let address = "memory://coordinator"

    /// Welcomes whoever says HELLO, and keeps what is said.
    private final class Host: Sendable {
        let heard = Mutex<[Incoming]>([])
        private let endpoint = Mutex<ServerEndpoint?>(nil)
        let answers = Mutex(true)

        static func listen(_ loop: InProcessLoop, epoch: UInt64 = 1) async throws -> Host {
            let host = Host()
            let endpoint = try await ServerEndpoint.listen(
                on: loop, address: SessionTests.address, epoch: epoch, logger: SessionTests.quiet
            ) { host.receive($0) }
            host.endpoint.withLock { $0 = endpoint }
            return host
        }

        func close() { endpoint.withLock { $0 }?.close() }
        func send(_ message: Message, to peer: WorkerID) { endpoint.withLock { $0 }?.send([Outgoing(peer, message)]) }
        var counters: ServerEndpoint.Counters? { endpoint.withLock { $0 }?.counters }
        var greetings: Int {
            heard.withLock { $0.count { if case .hello = $0.message { true } else { false } } }
        }
        var results: [JobID] {
            heard.withLock { $0.compactMap { if case .result(let job, _, _) = $0.message { job } else { nil } } }
        }

        private func receive(_ batch: [Incoming]) {
            heard.withLock { $0 += batch }
            guard answers.withLock({ $0 }) else { return }
            for incoming in batch {
                guard case .hello = incoming.message else { continue }
                let welcome = Welcome(
                    runID: "run", epoch: endpoint.withLock { $0?.epoch } ?? 0, setup: .generator(GeneratorSetup()),
                    artifacts: [], leaseMilliseconds: 1000, graceMilliseconds: 1000)
                endpoint.withLock { $0 }?.send([Outgoing(incoming.peer, .welcome(welcome), inReplyTo: incoming.id)])
            }
        }
    }

    private static let generator = WorkerLink.Identity(
        role: .generator, name: "g", capabilities: Capabilities(kinds: [.generate]), incarnation: 1)
    private static let job = JobID(step: 0, index: 0, kind: .generate)
    private static let failure = JobOutcome.failed(code: "x", message: "y", retryable: true)

    @Test func aHelloWithoutAnAnswerIsSaidAgainAndLessOften() async throws {
        let network = InProcessNetwork()
        let host = try await Host.listen(network.loop())
        host.answers.withLock { $0 = false }
        let link = try await WorkerLink.connect(
            on: network.loop(), to: Self.address, as: Self.generator, logger: Self.quiet)
        var counts: [Int] = []
        for _ in 0..<4 {
            await network.advance(by: .seconds(15))
            counts.append(host.greetings)
        }
        #expect(counts[0] >= 4, "\(counts)")
        #expect(counts[3] - counts[2] <= 2, "\(counts)")
        host.answers.withLock { $0 = true }
        await network.advance(by: .seconds(20))
        #expect(link.lastContact != nil)
        await link.close(reason: "over")
    }

    @Test func aCoordinatorThatNeverAnswersEndsTheLinkInTime() async throws {
        let network = InProcessNetwork()
        let link = try await WorkerLink.connect(
            on: network.loop(), to: Self.address, as: Self.generator, patience: .seconds(1800), logger: Self.quiet)
        await network.advance(by: .seconds(1799))
        #expect(link.ending == nil)
        await network.advance(by: .seconds(2))
        #expect(link.ending?.code == .unreachable)
    }

    /// What is finished while the connection is cut is handed in when it is there again.
    @Test func aResultIsKeptUntilItIsAcknowledged() async throws {
        let network = InProcessNetwork()
        let host = try await Host.listen(network.loop())
        let link = try await WorkerLink.connect(
            on: network.loop(), to: Self.address, as: Self.generator, logger: Self.quiet)
        await network.advance(by: .seconds(1))
        host.send(
            .lease([
                Grant(
                    .generate(
                        GenerateJob(
                            id: Self.job, version: PolicyVersion(epoch: 1, number: 0), seed: 1, samples: 0..<1,
                            sampling: SamplingParameters(maxNewTokens: 1), prompts: [])), attempt: 1,
                    leaseMilliseconds: 1000)
            ]), to: Self.generator.id)
        await network.settle()
        network.cut(Self.generator.id.routingID)
        link.tell(.result(Self.job, attempt: 1, Self.failure))
        await network.advance(by: .seconds(30))
        #expect(host.results.isEmpty)
        #expect(await !link.isFlushed())
        network.heal(Self.generator.id.routingID)
        await network.advance(by: .seconds(30))
        #expect(host.results.first == Self.job)
        host.send(.resultAck([Acknowledgement(Self.job, attempt: 1, .accepted)]), to: Self.generator.id)
        await network.settle()
        #expect(await link.isFlushed())
        await link.close(reason: "over")
    }

    /// The one that was killed is followed by another, of the next epoch, at the same address.
    @Test func aLinkJoinsTheNextCoordinator() async throws {
        let network = InProcessNetwork()
        let first = try await Host.listen(network.loop())
        let link = try await WorkerLink.connect(
            on: network.loop(), to: Self.address, as: Self.generator, logger: Self.quiet)
        await network.advance(by: .seconds(1))
        first.close()
        await network.advance(by: .seconds(5))
        let second = try await Host.listen(network.loop(), epoch: 2)
        await network.advance(by: .seconds(5))
        #expect(second.greetings > 0)
        link.tell(.alarm(code: "a", detail: "b"))
        await network.settle()
        #expect(second.heard.withLock { $0.last?.epoch } == 2)
        await link.close(reason: "over")
    }

    /// Five pieces of garbage, and nothing more is read of the peer until it has been quiet for a while.
    @Test func aPeerThatTalksGarbageIsMutedForAWhile() async throws {
        let network = InProcessNetwork()
        let host = try await Host.listen(network.loop())
        let loop = network.loop()
        let hello = Message.hello(
            Hello(role: .generator, name: "g", incarnation: 1, capabilities: Capabilities(kinds: [.generate])))
        let frames = try Codec.encode(Envelope(id: 1, hello))
        let socket = try await loop.run {
            let socket = try loop.open(.dealer(identity: Self.generator.id.routingID))
            try socket.connect(Self.address)
            return socket
        }
        for _ in 0..<5 { _ = try await loop.run { socket.send([.bytes([1, 2, 3])]) } }
        await network.settle()
        #expect(host.counters?.malformed == 5)
        _ = try await loop.run { socket.send(frames) }
        await network.advance(by: .seconds(9))
        #expect(host.greetings == 0)
        #expect(host.counters?.muted == 1)
        await network.advance(by: .seconds(2))
        _ = try await loop.run { socket.send(frames) }
        await network.settle()
        #expect(host.greetings == 1)
    }

    /// Its first job waits for what never comes, as for weights that no source holds any more.
    private actor Waiting: JobRunner {
        let isReady = true
        func configure(_ setup: RoleSetup) {}
        func announced(_ manifest: ArtifactManifest) {}
        func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome? {
            if job.id.index == 0 { try await Task.sleep(for: .seconds(3600)) }
            return .failed(code: "x", message: "y", retryable: true)
        }
    }

    @Test func workThatWaitsEndsWhenItsJobIsCalledBack() async throws {
        let network = InProcessNetwork()
        let host = try await Host.listen(network.loop())
        let link = try await WorkerLink.connect(
            on: network.loop(), to: Self.address, as: Self.generator, logger: Self.quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = await WorkerLoop(link: link, runner: Waiting(), logger: Self.quiet).run() }
            await network.advance(by: .seconds(1))
            let jobs = [0, 1].map { JobID(step: 0, index: $0, kind: .generate) }
            let grants = jobs.map { id in
                Grant(
                    .generate(
                        GenerateJob(
                            id: id, version: PolicyVersion(epoch: 1, number: 0), seed: 1, samples: 0..<1,
                            sampling: SamplingParameters(maxNewTokens: 1), prompts: [])), attempt: 1,
                    leaseMilliseconds: 1000)
            }
            host.send(.lease(grants), to: Self.generator.id)
            await network.settle()
            host.send(.cancel(jobs[0], attempt: 1, reason: "another worker was first"), to: Self.generator.id)
            for _ in 0..<1000 where host.results.isEmpty {
                await network.settle()
                try await Task.sleep(for: .milliseconds(10))
            }
            #expect(Set(host.results) == [jobs[1]])
            group.cancelAll()
            await link.close(reason: "over")
        }
    }

    /// A peer that reads nothing holds up nobody else, and gets all of it later, in order.
    @Test func whatAPeerCannotTakeYetIsKept() async throws {
        let network = InProcessNetwork()
        let host = try await Host.listen(network.loop())
        let loop = network.loop()
        let seen = Mutex<[Int]>([])
        let socket = try await loop.run {
            let socket = try loop.open(.dealer(identity: Self.generator.id.routingID), queue: 8)
            try socket.connect(Self.address)
            return socket
        }
        for attempt in 0..<500 { host.send(.cancel(Self.job, attempt: attempt, reason: ""), to: Self.generator.id) }
        await network.settle()
        for _ in 0..<100 {
            try await loop.run {
                while let frames = socket.receive() {
                    guard case .cancel(_, let attempt, _) = try Codec.decode(frames[...]).message else { continue }
                    seen.withLock { $0.append(attempt) }
                }
            }
            await network.advance(by: .milliseconds(50))
        }
        #expect(seen.withLock { $0 } == Array(0..<500))
    }
}
