package import ClusterModel
package import Foundation
package import Logging
import Sodium
import Synchronization
package import ZeroMQ

/// Pulls artifacts from their sources in chunks, with a window of requests under way, and verifies each chunk and file.
///
/// Files are remembered by content hash, so that the tokenizer of version 0 is not pulled twice.
package final class ArtifactClient: Sendable {
    private struct Pull {
        var file: ArtifactFile
        var buffer: Data
        var next = 0
        var done: Set<Int> = []
        /// Index of a chunk to when it was asked for.
        var underway: [Int: ContinuousClock.Instant] = [:]
        var sources: [String]
        var source = 0
        var failures = 0
        /// The last word of a source was that it does not hold the file.
        var isMissing = false
        /// When the last chunk came, or the pull turned to another source.
        var lastChunk = ContinuousClock.now
        var waiting: [Waiting]
    }

    private struct Waiting {
        var progress: (@Sendable (Int) -> Void)?
        var continuation: CheckedContinuation<Data, any Error>
    }

    /// Chunks asked for and not yet here.
    private static let window = 8
    private static let patience: Duration = .seconds(3)
    private static let failuresAllowed = 10
    /// Files whose place is remembered.
    private static let placesKept = 1000

    private let thread: SocketThread
    private let logger: Logger
    private let counts = Mutex((received: UInt64(0), retransmits: UInt64(0)))
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var sockets: [String: Socket] = [:]
    /// When each source was last heard, or its connection was made.
    nonisolated(unsafe) private var heard: [String: ContinuousClock.Instant] = [:]
    nonisolated(unsafe) private var pulls: [String: Pull] = [:]
    /// Where each announced file is served, by the newest word; a pull may begin with an older one.
    nonisolated(unsafe) private var places: [String: [String]] = [:]
    private let cache = Mutex<[String: Data]>([:])

    package init(on thread: SocketThread, logger: Logger) {
        self.thread = thread
        self.logger = logger
        thread.perform { [weak self, thread] in thread.every(.milliseconds(200)) { self?.tick() } }
    }

    package var receivedBytes: UInt64 { counts.withLock { $0.received } }
    package var retransmits: UInt64 { counts.withLock { $0.retransmits } }

    /// All files of the artifact by name. Throws `ClusterError.artifact` when no source can give them whole.
    /// - Parameter progress: bytes so far of the file under way.
    package func pull(
        _ manifest: ArtifactManifest, progress: (@Sendable (Int) -> Void)? = nil
    ) async throws -> [String: Data] {
        var files: [String: Data] = [:]
        for file in manifest.files {
            if let known = cache.withLock({ $0[file.sha256] }) {
                files[file.name] = known
                continue
            }
            let data = try await pull(file, from: manifest.sources, progress: progress)
            // Weights are large and never the same twice; what is small is kept.
            if data.count < 64 << 20, !file.name.hasSuffix(".safetensors") {
                cache.withLock { $0[file.sha256] = data }
            }
            files[file.name] = data
        }
        return files
    }

    /// The artifact is served elsewhere now, as after a restart of its source: pulls that are under way go on there.
    package func relocate(_ manifest: ArtifactManifest) {
        guard !manifest.sources.isEmpty else { return }
        thread.perform { [self] in
            if places.count > Self.placesKept { places.removeAll() }
            for file in manifest.files {
                places[file.sha256] = manifest.sources
                guard var pull = pulls[file.sha256], pull.sources != manifest.sources else { continue }
                pull.sources = manifest.sources
                (pull.source, pull.failures, pull.next, pull.lastChunk) = (0, 0, 0, .now)
                pull.underway.removeAll()
                pulls[file.sha256] = pull
                request(file.sha256)
            }
        }
    }

    private func pull(
        _ file: ArtifactFile, from sources: [String], progress: (@Sendable (Int) -> Void)?
    ) async throws -> Data {
        guard !sources.isEmpty else { throw ClusterError(.artifact, "nobody serves \(file.name)") }
        guard file.size > 0 else { return Data() }
        let data: Data = try await withCheckedThrowingContinuation { continuation in
            thread.perform { [self] in
                let waiting = Waiting(progress: progress, continuation: continuation)
                if pulls[file.sha256] == nil {
                    pulls[file.sha256] = Pull(
                        file: file, buffer: Data(count: file.size), sources: places[file.sha256] ?? sources,
                        waiting: [waiting])
                } else {
                    pulls[file.sha256]?.waiting.append(waiting)
                }
                request(file.sha256)
            }
        }
        guard SHA256.hash(data) == file.sha256 else {
            throw ClusterError(.artifact, "\(file.name) does not have the hash that its manifest names")
        }
        return data
    }

    // MARK: - On the socket thread

    private func request(_ hash: String) {
        guard var pull = pulls[hash] else { return }
        let address = pull.sources[pull.source % pull.sources.count]
        do {
            let socket = try socket(for: address)
            let chunks = pull.file.chunkHashes.count
            while pull.underway.count < Self.window, pull.next < chunks {
                let index = pull.next
                pull.next += 1
                if pull.done.contains(index) || pull.underway[index] != nil { continue }
                let frames = try Codec.encode(Envelope(.chunkRequest(sha256: hash, index: index)))
                guard socket.send(frames) == .sent else {
                    pull.next = index
                    break
                }
                pull.underway[index] = .now
            }
            pulls[hash] = pull
        } catch {
            finish(hash, .failure(error))
        }
    }

    private func socket(for address: String) throws -> Socket {
        if let socket = sockets[address] { return socket }
        let identity = "pull#" + Sodium.hexadecimal(Sodium.randomBytes(8))
        let socket = try thread.open(.dealer(identity: identity))
        try socket.connect(address)
        thread.watch(socket) { [weak self] in
            self?.heard[address] = .now
            while let frames = socket.receive() { self?.handle(frames) }
        }
        sockets[address] = socket
        heard[address] = .now
        return socket
    }

    /// A connection over which nothing comes may have been given up by libzmq.
    private func connectAnew(_ address: String, _ now: ContinuousClock.Instant) {
        guard let socket = sockets[address], let last = heard[address], now - last > Self.patience else { return }
        heard[address] = now
        // A failure shows when the next request is sent.
        try? socket.connectAnew(address)
    }

    private func handle(_ frames: [[UInt8]]) {
        guard let envelope = try? Codec.decode(frames[...]),
            case .chunk(let hash, let index, let bytes) = envelope.message, var pull = pulls[hash],
            pull.underway.removeValue(forKey: index) != nil
        else { return }
        guard let bytes = bytes as? SharedChunk else {
            // A source that was started again is about to hold it; it is asked again at the next tick.
            pull.isMissing = true
            pull.source += 1
            pull.next = min(pull.next, index)
            pulls[hash] = pull
            return
        }
        guard accept(bytes, index, &pull) else {
            pull.failures += 1
            pull.source += 1
            pull.next = min(pull.next, index)
            counts.withLock { $0.retransmits += 1 }
            pulls[hash] = pull
            if pull.failures > Self.failuresAllowed {
                finish(hash, .failure(ClusterError(.artifact, "\(pull.file.name) arrives damaged again and again")))
            } else {
                request(hash)
            }
            return
        }
        pull.isMissing = false
        pull.done.insert(index)
        pull.lastChunk = .now
        for waiting in pull.waiting { waiting.progress?(pull.done.count * pull.file.chunkSize) }
        pulls[hash] = pull
        if pull.done.count == pull.file.chunkHashes.count {
            finish(hash, .success(pull.buffer))
        } else {
            request(hash)
        }
    }

    private func accept(_ bytes: SharedChunk, _ index: Int, _ pull: inout Pull) -> Bool {
        guard pull.file.chunkHashes.indices.contains(index) else { return false }
        let start = index * pull.file.chunkSize
        let size = min(pull.file.chunkSize, pull.file.size - start)
        return bytes.withBytes { buffer in
            guard buffer.count == size, SHA256.hash(buffer) == pull.file.chunkHashes[index] else { return false }
            let file = pull.file.sha256
            // Written in place: a copy of the whole buffer for each chunk would cost more than the network.
            pulls[file]?.buffer = Data()
            pull.buffer.replaceSubrange(start..<start + size, with: buffer)
            counts.withLock { $0.received += UInt64(size) }
            return true
        }
    }

    private func finish(_ hash: String, _ result: Result<Data, any Error>) {
        for waiting in pulls.removeValue(forKey: hash)?.waiting ?? [] { waiting.continuation.resume(with: result) }
    }

    /// Asks again for what did not come: the source was away, or the connection was cut.
    private func tick() {
        let now = ContinuousClock.now
        for (hash, pull) in pulls {
            let late = pull.underway.filter { now - $0.value > Self.patience }.keys
            // A source that is gone takes no request, so nothing is under way that could be late.
            if late.isEmpty, now - pull.lastChunk < Self.patience {
                request(hash)
                continue
            }
            connectAnew(pull.sources[pull.source % pull.sources.count], now)
            var changed = pull
            for index in late { changed.underway[index] = nil }
            changed.next = min(changed.next, late.min() ?? changed.next)
            changed.failures += 1
            changed.source += 1
            changed.lastChunk = now
            counts.withLock { $0.retransmits += UInt64(late.count) }
            pulls[hash] = changed
            if changed.failures > Self.failuresAllowed {
                let name = pull.file.name
                let reason = pull.isMissing ? "no source holds \(name) any more" : "\(name): no source answers"
                finish(hash, .failure(ClusterError(.artifact, reason)))
            } else {
                request(hash)
            }
        }
    }
}
