import Foundation

/// HTTP/1.1 over one connection that is kept, for measurements: blocking, with bodies of a stated length.
final class PlainClient {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    struct Answer {
        var status: Int
        var head: String
        var body: Data
    }

    private let file: Int32
    private let host: String
    private var buffer = Data()
    var cookie: String?

    /// - Parameter port: of this machine.
    init(port: Int) throws {
        host = "127.0.0.1:\(port)"
        file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard file >= 0 else { throw Failure(description: "no socket: \(String(cString: strerror(errno)))") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(file, $0, size) }
        }
        guard result == 0 else {
            let reason = String(cString: strerror(errno))
            close(file)
            throw Failure(description: "cannot connect to \(host): \(reason)")
        }
        var isOn: Int32 = 1
        setsockopt(file, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(file) }

    func ask(_ method: String, _ path: String, _ body: String = "") throws -> Answer {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n"
        if let cookie { text += "Cookie: \(cookie)\r\n" }
        text += "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try send(Array(text.utf8))
        return try receive()
    }

    private func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Foundation.send(file, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw Failure(description: "the connection is closed") }
            sent += count
        }
    }

    private func receive() throws -> Answer {
        let end = Data("\r\n\r\n".utf8)
        var place = buffer.range(of: end)
        while place == nil {
            try read()
            place = buffer.range(of: end)
        }
        guard let place else { throw Failure(description: "no head") }
        let head = String(decoding: buffer[..<place.lowerBound], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        let length =
            lines.first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)) } ?? 0
        while buffer.endIndex - place.upperBound < length { try read() }
        let body = buffer[place.upperBound..<place.upperBound + length]
        buffer = Data(buffer[(place.upperBound + length)...])
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { throw Failure(description: "no status: \(head)") }
        return Answer(status: status, head: head, body: Data(body))
    }

    private func read() throws {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(file, &bytes, bytes.count, 0)
        guard count > 0 else { throw Failure(description: "the connection is closed") }
        buffer.append(contentsOf: bytes[..<count])
    }
}
