import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Reads the status as whoever watches a run does.
enum StatusReader {
    static func read(at port: Int) async throws -> Data {
        guard let url = URL(string: "http://127.0.0.1:\(port)/v1/status") else { return Data() }
        return try await URLSession.shared.data(from: url).0
    }
}
