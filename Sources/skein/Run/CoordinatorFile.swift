import AtomicFiles
import Foundation
import RunLayout

/// `coordinator.json` in the run directory: where the live coordinator listens, so that the supervisor, `skein status`
/// and its siblings find it without being told.
struct CoordinatorFile: Codable, Sendable {
    var pid: Int32
    var runID: String
    /// ZeroMQ address for workers of this machine.
    var endpoint: String
    /// Where it listens, if that is not the same.
    var bind: String?
    /// Directory with the keys of the run's own processes; nil: nobody needs one.
    var keys: String?
    /// `host:port` of the status endpoint.
    var status: String
    /// File that holds the bearer token for commands that change the run. It is good for reading too.
    var tokenFile: String

    /// Where other machines reach the coordinator; nil: none is let in.
    var elsewhere: Elsewhere?

    struct Elsewhere: Codable, Sendable {
        /// Name of the coordinator's machine.
        var machine: String
        /// ZeroMQ address for workers.
        var endpoint: String
        /// `host:port` of the status endpoint; nil: it is for its own machine.
        var status: String?
    }

    /// Where a process of this machine finds the status: the run directory may be on a file system that several have.
    var statusFromHere: String {
        guard let elsewhere, let other = elsewhere.status, elsewhere.machine != ProcessInfo.processInfo.hostName else {
            return status
        }
        return other
    }

    static func path(in runDirectory: String) -> String { RunLayout(runDirectory)[.coordinator] }

    static func read(in runDirectory: String) -> CoordinatorFile? {
        guard let data = FileManager.default.contents(atPath: path(in: runDirectory)) else { return nil }
        return try? JSONDecoder().decode(CoordinatorFile.self, from: data)
    }

    /// When nobody listens there any more.
    static func remove(in runDirectory: String) { unlink(path(in: runDirectory)) }

    func write(in runDirectory: String) throws {
        try AtomicFile.write(JSONEncoder().encode(self), to: Self.path(in: runDirectory))
    }
}
