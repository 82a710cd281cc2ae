import AtomicFiles
import Foundation
import RunLayout

/// `coordinator.json` in the run directory: where the live coordinator listens, so that the supervisor, `skein status`
/// and its siblings find it without being told.
struct CoordinatorFile: Codable, Sendable {
    var pid: Int32
    var runID: String
    /// ZeroMQ address for workers.
    var endpoint: String
    /// `host:port` of the status endpoint.
    var status: String
    /// File that holds the bearer token for commands that change the run.
    var tokenFile: String

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
