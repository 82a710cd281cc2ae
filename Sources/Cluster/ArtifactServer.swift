package import ClusterModel
import Foundation
package import Logging
import Metrics
import Cryptography
import Synchronization
package import Transport

/// Serves artifacts to whoever pulls: a ROUTER that answers chunk requests and knows nothing else.
///
/// Each file is held once, and a chunk is copied when it is asked for. A file that several versions share is kept until
/// the last is released.
package final class ArtifactServer: Sendable {
    private struct Served {
        var content: Data
        var list: ChunkList
    }

    private struct State {
        /// By ``ArtifactFile/sha256``.
        var files: [String: Served] = [:]
        var holders: [String: Set<String>] = [:]
        var sentBytes: UInt64 = 0
    }

    /// As manifests name it: behind a `#` the key of this server, where connections have keys.
    package let address: String
    private let thread: any TransportLoop
    private let logger: Logger
    /// Whom it admits; nil: everybody who reaches it.
    private let roster: AnnouncedPeers?
    private let state = Mutex(State())
    private let sentTotal = Counter(label: "skein_weight_bytes_total", dimensions: [("direction", "out")])
    private let socket: any TransportSocket

    /// - Parameters:
    ///   - announced: the address that manifests name, where it is not the one that is listened at. Without a port it is
    ///     that of the socket.
    ///   - security: at tcp addresses.
    ///   - roster: whom to admit where connections have keys; the roster of `thread`.
    package static func listen(
        on thread: any TransportLoop, address: String, announced: String? = nil, security: SocketSecurity = .none,
        roster: AnnouncedPeers? = nil, logger: Logger
    ) async throws -> ArtifactServer {
        let security = security.at(address)
        return try await thread.run {
            // A puller has eight chunks under way; one that asks for more and does not read is not to fill the memory.
            let socket = try thread.open(.router, queue: 64, security: security)
            let bound = try socket.bind(address)
            var key: PublicKey?
            if case .server(let keys) = security { key = keys.publicKey }
            let source = ArtifactSource(address: Self.announced(announced, bound), key: key)
            let server = ArtifactServer(
                thread: thread, socket: socket, address: source.text,
                roster: security.isEncrypted ? roster ?? AnnouncedPeers() : nil, logger: logger)
            thread.watch(socket) { [weak server] in server?.receive() }
            return server
        }
    }

    private static func announced(_ announced: String?, _ bound: String) -> String {
        guard let announced else { return bound }
        // `tcp://HOST` has one colon, an address in brackets many: what counts is a port at the end.
        let rest = announced.dropFirst("tcp://".count)
        let hasPort = rest.last != "]" && rest.contains(":")
        guard announced.hasPrefix("tcp://"), !hasPort, let port = bound.split(separator: ":").last else {
            return announced
        }
        return "\(announced):\(port)"
    }

    /// The coordinator says whom to admit.
    package func admit(_ peers: [PeerKey]) { roster?.set(peers) }

    private init(
        thread: any TransportLoop, socket: any TransportSocket, address: String, roster: AnnouncedPeers?,
        logger: Logger
    ) {
        self.roster = roster
        self.thread = thread
        self.socket = socket
        self.address = address
        self.logger = logger
    }

    /// Bytes sent so far.
    package var sentBytes: UInt64 { state.withLock { $0.sentBytes } }

    /// Serves the files as one artifact. The hashes are computed here, so call it off the cooperative pool for large ones.
    package func serve(
        kind: ArtifactKind, version: PolicyVersion, files: [ServedFile]
    ) -> ArtifactManifest {
        let all = SHA256()
        var described: [ArtifactFile] = []
        for served in files {
            let data = served.data
            let list = ChunkList(of: data)
            let file = ArtifactFile(
                name: served.name, size: data.count, sha256: list.identity, chunkSize: Wire.chunkSize,
                local: served.local)
            all.update(file.sha256)
            described.append(file)
            state.withLock { state in
                state.files[file.sha256] = Served(content: data, list: list)
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
            guard let received = socket.take(), let identity = received.frames.first else { return }
            let frames = received.frames
            // A key that is revoked counts for no request more, though its connection stands.
            if let roster, !(received.peer.map(roster.admits) ?? false) {
                if roster.refusals.note(received.peer?.name ?? "somebody", "its key was revoked") {
                    logger.warning(
                        "a request for weights is refused", metadata: ["peer": "\(received.peer?.name ?? "")"])
                }
                continue
            }
            guard let envelope = try? Codec.decode(frames.dropFirst()),
                case .chunkRequest(let place) = envelope.message
            else {
                // Whoever sends something else is no puller; there is nothing to tell it.
                logger.warning(
                    "malformed request for a chunk ignored", metadata: ["bytes": "\(frames.dropFirst().map(\.count))"])
                continue
            }
            let answer = Envelope(inReplyTo: envelope.id, .chunk(place, bytes: chunk(at: place)))
            guard let encoded = try? Codec.encode(answer) else { continue }
            if socket.send(encoded, to: identity) == .sent {
                let bytes = encoded.reduce(0) { $0 + $1.count }
                state.withLock { $0.sentBytes += UInt64(bytes) }
                sentTotal.increment(by: bytes)
            }
            // A puller that could not be reached, or whose queue is full, asks again.
        }
    }

    private func chunk(at place: ChunkPlace) -> SharedChunk? {
        guard let file = state.withLock({ $0.files[place.file] }) else { return nil }
        let bytes = place.isList ? file.list.bytes : file.content
        // Multiplied with care: the index comes from outside.
        let (start, overflow) = place.index.multipliedReportingOverflow(by: Wire.chunkSize)
        guard !overflow, start < bytes.count else { return nil }
        return SharedChunk(bytes, range: start..<min(start + Wire.chunkSize, bytes.count))
    }
}
