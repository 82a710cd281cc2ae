import ClusterModel
import Cryptography
import Foundation
import InProcess
import Logging
import Testing
import Transport

@testable import Cluster

/// Files that stand on the publisher's machine, for those who work there too.
@Suite struct LocalFileTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let version = PolicyVersion(epoch: 1, number: 0)

    /// A folder with the file `f`, a server of it and a client beside them.
    private final class Place: Sendable {
        let folder = URL(filePath: NSTemporaryDirectory()).appending(path: "skein-local-\(UUID())")
        let content = Data(Secrets.randomBytes(2 * Wire.chunkSize + 5))
        let client: ArtifactClient
        let manifest: ArtifactManifest
        let server: ArtifactServer
        var file: URL { folder.appending(path: "f") }

        init() async throws {
            let loop = InProcessNetwork().loop()
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try content.write(to: folder.appending(path: "f"))
            server = try await ArtifactServer.listen(on: loop, address: "memory://weights", logger: quiet)
            manifest = server.serve(
                kind: .policy, version: version,
                files: [try ServedFile(name: "f", mapping: folder.appending(path: "f"))])
            client = ArtifactClient(on: loop, logger: quiet)
        }

        deinit { try? FileManager.default.removeItem(at: folder) }

        func pull(_ manifest: ArtifactManifest) async throws -> Data? { try await client.pull(manifest)["f"] }
    }

    @Test func itIsMappedAndNotPulled() async throws {
        let place = try await Place()
        #expect(try await place.pull(place.manifest) == place.content)
        #expect(place.client.receivedBytes == 0)
        // A link to it, as a checkpoint may make one, changes nothing.
        try FileManager.default.linkItem(at: place.file, to: place.folder.appending(path: "g"))
        #expect(try await place.pull(place.manifest) == place.content)
        #expect(place.client.receivedBytes == 0)
    }

    enum Change: CaseIterable { case replaced, overwritten, removed, elsewhere, shorter }

    /// Whatever stands under its name now, the worker gets what was published.
    @Test(arguments: Change.allCases) func whatIsNotTheFileThatWasPublishedIsPulled(_ change: Change) async throws {
        let place = try await Place()
        var manifest = place.manifest
        switch change {
        case .replaced: try Data(Secrets.randomBytes(place.content.count)).write(to: place.file, options: .atomic)
        case .overwritten:
            // The server's mapping would show it as well, so the bytes stay and the time changes.
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: place.file.path)
        case .removed: try FileManager.default.removeItem(at: place.file)
        case .elsewhere: manifest.files[0].local?.host = "another"
        case .shorter: manifest.files[0].local?.path = "/proc/self/stat"
        }
        #expect(try await place.pull(manifest) == place.content)
        #expect(place.client.receivedBytes >= UInt64(place.content.count))
    }

    @Test func itsPlaceTravels() async throws {
        let place = try await Place()
        let frames = try Codec.encode(Envelope(.publish([place.manifest])))
        let received = frames.map { frame -> [UInt8] in
            if case .bytes(let bytes) = frame { bytes } else { [] }
        }
        let decoded = try Codec.decode(received[...])
        guard case .publish(let manifests, _) = decoded.message else {
            Issue.record("another message came back")
            return
        }
        #expect(manifests == [place.manifest] && manifests[0].files[0].local != nil)
    }
}
