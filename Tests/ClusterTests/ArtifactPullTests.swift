import ClusterModel
import Foundation
import Logging
import Cryptography
import Testing
import Transport
import ZeroMQ

@testable import Cluster

/// Artifacts by reference, from sources that are slow, wrong or gone.
@Suite struct ArtifactPullTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private static func file(_ content: Data) -> (ArtifactFile, ChunkList) {
        let list = ChunkList(of: content)
        return (
            ArtifactFile(name: "f", size: content.count, sha256: list.identity, chunkSize: Wire.chunkSize), list
        )
    }

    /// A manifest is as small for a model of any size as for a small one.
    @Test func aManifestDoesNotGrowWithTheModel() throws {
        let sizes = try [1 << 20, 1 << 40].map { size in
            let file = ArtifactFile(
                name: "model.safetensors", size: size, sha256: String(repeating: "0", count: 64),
                chunkSize: Wire.chunkSize)
            let manifest = ArtifactManifest(
                kind: .policy, version: PolicyVersion(epoch: 1, number: 0), files: [file], sha256: "", sources: [])
            return try Codec.encode(Envelope(.publish([manifest]))).reduce(0) { $0 + $1.count }
        }
        #expect(sizes[1] - sizes[0] < 10 && sizes[1] < 300)
    }

    @Test(arguments: [1, Wire.chunkSize, Wire.chunkSize + 1, 3_000_001]) func filesOfEverySizeArrive(size: Int)
        async throws
    {
        let thread = try SocketThread()
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(on: thread, address: "tcp://127.0.0.1:0", logger: Self.quiet)
        let data = Data(Secrets.randomBytes(size))
        let manifest = server.serve(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 0),
            files: [ServedFile(name: "f", data: data), ServedFile(name: "empty", data: Data())])
        let client = ArtifactClient(on: thread, logger: Self.quiet)
        let files = try await client.pull(manifest)
        #expect(files["f"] == data && files["empty"] == Data())
    }

    /// Nobody serves it, and nobody waits for it any more; another who does is not disturbed.
    @Test func aCancelledPullEndsAtOnce() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let (file, _) = Self.file(Data(Secrets.randomBytes(1000)))
        let manifest = ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 0), files: [file], sha256: "",
            sources: ["tcp://127.0.0.1:1"])
        let client = ArtifactClient(on: thread, logger: Self.quiet)
        let other = Task { try await client.pull(manifest) }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    _ = try await client.pull(manifest)
                    return false
                } catch { return error is CancellationError }
            }
            group.cancelAll()
            for await isCancelled in group { #expect(isCancelled) }
        }
        #expect(!other.isCancelled)
        other.cancel()
        await #expect(throws: CancellationError.self) { try await other.value }
    }

    private static func next(_ pull: inout ArtifactPull) throws -> ChunkPlace {
        let place = pull.nextRequest()
        return try #require(place)
    }

    private static func take(
        _ pull: inout ArtifactPull, _ bytes: Data?, at place: ChunkPlace
    ) throws -> ArtifactPull.Outcome {
        let outcome = pull.take(bytes.map { SharedChunk($0) }, at: place)
        return try #require(outcome)
    }

    private static func begin(_ file: ArtifactFile, from sources: [String] = ["a", "b"]) -> ArtifactPull? {
        ArtifactPull(file, from: sources)
    }

    /// Lists and contents that are not what the manifest names cost their source its turn, and nothing is kept of them.
    @Test func whatIsFalseIsAskedForElsewhere() throws {
        let content = Data(Secrets.randomBytes(2 * Wire.chunkSize + 5))
        let (file, list) = Self.file(content)
        var pull = try #require(Self.begin(file))
        let first = try Self.next(&pull)
        #expect(first.isList && pull.address == "a")
        var lie = list.bytes
        lie[40] ^= 1
        #expect(try Self.take(&pull, lie, at: first).isGoingOn)
        #expect(pull.address == "b")
        let again = try Self.next(&pull)
        #expect(again == first)
        #expect(try Self.take(&pull, list.bytes, at: again).isGoingOn)
        var places: [ChunkPlace] = []
        while let place = pull.nextRequest() { places.append(place) }
        #expect(places.map(\.index) == [0, 1, 2] && places.allSatisfy { !$0.isList })
        func piece(_ index: Int) -> Data {
            content[index * Wire.chunkSize..<min((index + 1) * Wire.chunkSize, content.count)]
        }
        // A chunk of another place is none of this one.
        #expect(try Self.take(&pull, Data(piece(1)), at: places[0]).isGoingOn)
        #expect(pull.address == "a")
        let anew = try Self.next(&pull)
        #expect(anew == places[0])
        #expect(try Self.take(&pull, Data(piece(2)), at: places[2]).isGoingOn)
        #expect(try Self.take(&pull, Data(piece(0)), at: anew).isGoingOn)
        guard case .done(let data) = try Self.take(&pull, Data(piece(1)), at: places[1]) else {
            Issue.record("not done")
            return
        }
        #expect(data == content)
    }

    /// A slow wire delivers one chunk in a while: that is no failure, however often it happens.
    @Test func aPullIsNotGivenUpWhileBytesArrive() throws {
        let content = Data(Secrets.randomBytes(30 * Wire.chunkSize))
        let (file, list) = Self.file(content)
        var pull = try #require(Self.begin(file, from: ["a"]))
        let first = try Self.next(&pull)
        _ = pull.take(SharedChunk(list.bytes), at: first)
        for index in 0..<30 {
            while pull.nextRequest() != nil {}
            // Nothing came for longer than a pull's patience, again and again.
            let waited = pull.passTime(at: .now + .seconds(4))
            #expect(waited.isGoingOn)
            while pull.nextRequest() != nil {}
            let bytes = Data(content[index * Wire.chunkSize..<(index + 1) * Wire.chunkSize])
            let place = ChunkPlace(file: file.sha256, isList: false, index: index)
            let outcome = try Self.take(&pull, bytes, at: place)
            #expect(outcome.isGoingOn == (index < 29))
        }
    }

    /// More than any machine holds is refused, not allocated.
    @Test func aFileThatNoMachineHoldsIsRefused() {
        let file = ArtifactFile(
            name: "f", size: Int(Int32.max) * 1024, sha256: String(repeating: "0", count: 64), chunkSize: 1)
        #expect(Self.begin(file) == nil)
    }

    /// A learner that was started again at its old address will hold the file in a moment; one that never does is told.
    @Test func aSourceThatHoldsNothingIsAskedAgainForAWhile() throws {
        let (file, list) = Self.file(Data(Secrets.randomBytes(10)))
        var pull = try #require(Self.begin(file))
        let first = try Self.next(&pull)
        guard case .goOnLater = try Self.take(&pull, nil, at: first) else {
            Issue.record("it is asked again at once, or given up")
            return
        }
        var later = pull
        let again = try Self.next(&later)
        #expect(again == first)
        var now = ContinuousClock.now
        var reason: String?
        for _ in 0..<20 where reason == nil {
            now += .seconds(4)
            if case .failed(let text) = pull.passTime(at: now) { reason = text }
        }
        #expect(reason?.contains("no source holds f") == true)
        #expect(list.identity == file.sha256)
    }
}

extension ArtifactPull.Outcome {
    fileprivate var isGoingOn: Bool { if case .goOn = self { true } else { false } }
}
