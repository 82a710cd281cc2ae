import Console
import Foundation
import Testing

@Suite struct RunLockTests {
    private func refusal(_ body: () throws -> RunLock) -> String {
        do {
            _ = try body()
            return "no error"
        } catch {
            return ((error as? CommandError)?.status == .tryAgain ? "75: " : "?: ") + "\(error)"
        }
    }

    @Test func aDirectoryBelongsToOneCommandAtATime() throws {
        let folder = try Folder()
        let first = try RunLock.take(folder.path, for: "skein run")
        let said = refusal { try RunLock.take(folder.path, for: "skein sft") }
        #expect(said.hasPrefix("75: ") && said.contains("process \(getpid()) (skein run)"), "\(said)")
        #expect(said.contains(folder.path))
        #expect(RunLock.owner(of: folder.path)?.description == "process \(getpid()) (skein run)")
        first.release()
        #expect(RunLock.owner(of: folder.path) == nil && RunLock.owner(of: folder.path + "/none") == nil)
        try RunLock.take(folder.path, for: "skein sft").release()
    }

    /// The kernel locks a file, not a path: who comes after a removal gets a lock of its own.
    @Test func aDirectoryThatIsRemovedOrReplacedIsNoticed() throws {
        let folder = try Folder()
        let run = folder.path + "/run"
        let files = FileManager.default
        try files.createDirectory(atPath: run, withIntermediateDirectories: true)
        let first = try RunLock.take(run, for: "skein run")
        #expect(first.isInPlace)
        try files.removeItem(atPath: run)
        #expect(!first.isInPlace)
        try files.createDirectory(atPath: run, withIntermediateDirectories: true)
        #expect(!first.isInPlace)
        let second = try RunLock.take(run, for: "skein run")
        #expect(second.isInPlace && !first.isInPlace)
        second.release()
        first.release()
        #expect(first.isInPlace)
    }

    @Test func theLockOfAProcessThatIsGoneMeansNothing() throws {
        let folder = try Folder()
        try folder.write("run.lock", "1 elsewhere skein run\n")
        let lock = try RunLock.take(folder.path, for: "skein run")
        #expect(try String(contentsOfFile: folder.path + "/run.lock", encoding: .utf8).hasPrefix("\(getpid()) "))
        lock.release()
    }

    /// After a kill -9 of a command, what it started still writes for a moment.
    @Test func theNextCommandWaitsForTheProcessesOfTheLast() async throws {
        let folder = try Folder()
        let (first, second) = (try RunLock.join(folder.path), try RunLock.join(folder.path))
        let path = folder.path
        let taken = Task.detached { try RunLock.take(path, for: "skein run") }
        try await Task.sleep(for: .milliseconds(200))
        // It has the directory already, and waits.
        #expect(refusal { try RunLock.take(path, for: "skein run") }.hasPrefix("75: "))
        first.release()
        second.release()
        try await taken.value.release()
    }
}
