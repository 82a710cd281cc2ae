import Console
import Foundation
import Testing

/// A real socket in the place of systemd's.
@Suite struct ServiceManagerTests {
    /// Binds a datagram socket, says READY to it, and returns what came.
    private func told(_ state: String, bind path: [UInt8], as name: String) throws -> String {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(file >= 0)
        defer { close(file) }
        let length = socklen_t(2 + path.count)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(file, $0, length) }
        }
        try #require(bound == 0)
        try #require(ServiceManager.tell(state, at: name))
        var bytes = [UInt8](repeating: 0, count: 100)
        let count = recv(file, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func aPathIsTold() throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "n\(getpid())-\(Int.random(in: 0...999_999))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.path + "/s"
        #expect(try told(ServiceManager.ready, bind: Array(path.utf8), as: path) == "READY=1")
    }

    @Test func anAbstractNameIsTold() throws {
        let name = "skein-test-\(getpid())-\(Int.random(in: 0...999_999))"
        #expect(try told(ServiceManager.stopping, bind: [0] + Array(name.utf8), as: "@\(name)") == "STOPPING=1")
    }

    @Test(arguments: [nil, "", "relative", "/nobody/listens/here", "/" + String(repeating: "x", count: 200)])
    func whereNobodyListensNothingHappens(_ name: String?) {
        #expect(!ServiceManager.tell(ServiceManager.ready, at: name))
    }
}
