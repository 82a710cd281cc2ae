import AtomicFiles
import Foundation
import Testing

@Suite struct AtomicFileTests {
    /// A process that is killed between two calls leaves its temporary file; nothing else is touched.
    @Test func whatAKilledWriterLeftIsRemoved() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // The very name of a write that is under way.
        var temporary: [String] = []
        try AtomicFile.write(to: "\(folder)/run.yaml") { _ in
            temporary = try FileManager.default.contentsOfDirectory(atPath: folder)
        }
        let name = try #require(temporary.first)
        let others = ["run.yaml", "notes.tmp", "a.xyz.tmp", ".abc.tmp", "x.0123456789abcdef0.tmp", ".token"]
        for file in [name, ".dat.nosync1234.Ab3x"] + others {
            #expect(FileManager.default.createFile(atPath: "\(folder)/\(file)", contents: Data()))
        }
        AtomicFile.removeLeftovers(in: folder)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(Set(left) == Set(others))
    }
}
