package import ClusterModel
package import Foundation
package import Logging
import Sodium
import Synchronization
package import ZeroMQ

/// Serves artifacts to whoever pulls: a ROUTER that answers chunk requests and knows nothing else.
///
/// Each file is held once, and a chunk is copied when it is asked for. A file that several versions share is kept until
/// the last is released.
package final class ArtifactServer: Sendable {
    private struct State {
        /// By content hash.
        var files: [String: Data] = [:]
        var holders: [String: Set<String>] = [:]
        var sentBytes: UInt64 = 0
    }

    package let address: String
    private let thread: SocketThread
    private let logger: Logger
    private let state = Mutex(State())
    private let socket: Socket

    /// - Parameter announced: the address that manifests name, where it is not the one that is listened at.
    package static func listen(
        on thread: SocketThread, address: String, announced: String? = nil, logger: Logger
    ) async throws -> ArtifactServer {
        try await thread.run {
            let socket = try thread.open(.router)
            let bound = try socket.bind(address)
            let server = ArtifactServer(
                thread: thread, socket: socket, address: announced ?? bound, logger: logger)
            thread.watch(socket) { [weak server] in server?.receive() }
            return server
        }
    }

    private init(thread: SocketThread, socket: Socket, address: String, logger: Logger) {
        self.thread = thread
        self.socket = socket
        self.address = address
        self.logger = logger
    }

    /// Bytes sent so far.
    package var sentBytes: UInt64 { state.withLock { $0.sentBytes } }

    /// Serves the files as one artifact. The hashes are computed here, so call it off the cooperative pool for large ones.
    package func serve(
        kind: ArtifactKind, version: PolicyVersion, files: [(name: String, data: Data)]
    ) -> ArtifactManifest {
        var all = SHA256()
        var described: [ArtifactFile] = []
        for (name, data) in files {
            let hash = SHA256.hash(data)
            all.update(hash)
            let chunks = stride(from: 0, to: data.count, by: Wire.chunkSize).map { start in
                data.withUnsafeBytes {
                    SHA256.hash(UnsafeRawBufferPointer(rebasing: $0[start..<min(start + Wire.chunkSize, data.count)]))
                }
            }
            described.append(
                ArtifactFile(
                    name: name, size: data.count, sha256: hash, chunkSize: Wire.chunkSize, chunkHashes: chunks))
        }
        state.withLock { state in
            for (file, (_, data)) in zip(described, files) {
                state.files[file.sha256] = data
                state.holders[file.sha256, default: []].insert(Self.key(kind, version))
            }
        }
        return ArtifactManifest(
            kind: kind, version: version, files: described, sha256: all.finish(), sources: [address])
    }

    /// Stops serving what only this version needs.
    package func release(_ kind: ArtifactKind, _ version: PolicyVersion) {
        state.withLock { state in
            for (hash, holders) in state.holders where holders.contains(Self.key(kind, version)) {
                let rest = holders.subtracting([Self.key(kind, version)])
                state.holders[hash] = rest.isEmpty ? nil : rest
                if rest.isEmpty { state.files[hash] = nil }
            }
        }
    }

    package func close() async {
        try? await thread.run { [self] in
            thread.unwatch(socket)
            socket.close()
        }
    }

    private static func key(_ kind: ArtifactKind, _ version: PolicyVersion) -> String {
        "\(kind.rawValue)/\(version.number)"
    }

    private func receive() {
        for _ in 0..<256 {
            guard let frames = socket.receive(), let identity = frames.first else { return }
            guard let envelope = try? Codec.decode(frames.dropFirst()),
                case .chunkRequest(let hash, let index) = envelope.message
            else {
                // Whoever sends something else is no puller; there is nothing to tell it.
                logger.warning(
                    "malformed request for a chunk ignored", metadata: ["bytes": "\(frames.dropFirst().map(\.count))"])
                continue
            }
            let file = state.withLock { $0.files[hash] }
            var chunk: SharedChunk?
            // Multiplied with care: the index comes from outside.
            let (start, overflow) = index.multipliedReportingOverflow(by: Wire.chunkSize)
            if let file, !overflow, start < file.count {
                chunk = SharedChunk(file, range: start..<min(start + Wire.chunkSize, file.count))
            }
            let answer = Envelope(inReplyTo: envelope.id, .chunk(sha256: hash, index: index, bytes: chunk))
            guard let encoded = try? Codec.encode(answer) else { continue }
            if socket.send(encoded, to: identity) == .sent {
                state.withLock { $0.sentBytes += UInt64(encoded.reduce(0) { $0 + $1.count }) }
            }
            // A puller that could not be reached, or whose queue is full, asks again.
        }
    }
}
