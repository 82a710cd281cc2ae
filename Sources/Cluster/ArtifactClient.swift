package import ClusterModel
package import Foundation
package import Logging
import Metrics
import Cryptography
import Synchronization
package import Transport

/// Pulls artifacts from their sources in chunks, with a window of requests under way, and verifies each chunk as it comes.
///
/// Files are remembered by content hash, so that the tokenizer of version 0 is not pulled twice. A file that stands on this
/// machine is mapped in place of pulling it.
package final class ArtifactClient: Sendable {
    /// Files whose place is remembered.
    private static let placesKept = 1000

    private let thread: any TransportLoop
    /// The key that it shows to sources that have one.
    private let keys: KeyPair?
    private let logger: Logger
    private let counts = Mutex((received: UInt64(0), retransmits: UInt64(0)))
    private let receivedTotal = Counter(label: "skein_weight_bytes_total", dimensions: [("direction", "in")])
    private let mappedTotal = Counter(label: "skein_weight_bytes_total", dimensions: [("direction", "mapped")])
    private let retransmitsTotal = Counter(label: "skein_weight_retransmits_total")
    // SAFETY: touched on the socket thread alone.
    nonisolated(unsafe) private var sockets: [String: any TransportSocket] = [:]
    /// When each source was last heard, or its connection was made.
    nonisolated(unsafe) private var heard: [String: ContinuousClock.Instant] = [:]
    nonisolated(unsafe) private var pulls: [String: ArtifactPull] = [:]
    /// Where each announced file is served, by the newest word; a pull may begin with an older one.
    nonisolated(unsafe) private var places: [String: [String]] = [:]
    private let cache = Mutex<[String: Data]>([:])

    package init(on thread: any TransportLoop, keys: KeyPair? = nil, logger: Logger) {
        self.thread = thread
        self.keys = keys
        self.logger = logger
        thread.perform { [weak self, thread] in thread.every(.milliseconds(200)) { self?.tick() } }
    }

    package var receivedBytes: UInt64 { counts.withLock { $0.received } }
    package var retransmits: UInt64 { counts.withLock { $0.retransmits } }

    /// All files of the artifact by name. Throws `ClusterError.artifact` when no source can give them whole, and
    /// `CancellationError`. A file that is on its way already, for somebody else, is not asked for twice.
    ///
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
            if let mapped = file.local?.map(size: file.size) {
                files[file.name] = mapped
                mappedTotal.increment(by: mapped.count)
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
                if pulls[file.sha256]?.relocate(to: manifest.sources, at: thread.now) == true { request(file.sha256) }
            }
            closeUnused(besides: manifest.sources)
        }
    }

    private func pull(
        _ file: ArtifactFile, from sources: [String], progress: (@Sendable (Int) -> Void)?
    ) async throws -> Data {
        guard !sources.isEmpty else { throw ClusterError(.artifact, "nobody serves \(file.name)") }
        guard file.size > 0 else { return Data() }
        let ticket = PullTicket()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                thread.perform { [self] in
                    wait(
                        for: file, from: sources, .init(ticket: ticket, progress: progress, continuation: continuation))
                }
            }
        } onCancel: {
            ticket.cancel()
            thread.perform { [self] in giveUp(ticket, file.sha256) }
        }
    }

    // MARK: - On the socket thread

    private func wait(for file: ArtifactFile, from sources: [String], _ waiting: ArtifactPull.Waiting) {
        guard !waiting.ticket.isCancelled else {
            waiting.continuation.resume(throwing: CancellationError())
            return
        }
        guard
            var pull = pulls.removeValue(forKey: file.sha256)
                ?? ArtifactPull(file, from: places[file.sha256] ?? sources, at: thread.now)
        else {
            let text = "\(file.name) of \(file.size) bytes: \(ArtifactPull.noMemory)"
            waiting.continuation.resume(throwing: ClusterError(.artifact, text))
            return
        }
        pull.waiting.append(waiting)
        pulls[file.sha256] = pull
        request(file.sha256)
    }

    /// Who waited does not any more; what nobody waits for is not pulled.
    private func giveUp(_ ticket: PullTicket, _ hash: String) {
        guard var pull = pulls.removeValue(forKey: hash) else { return }
        for waiting in pull.waiting where waiting.ticket === ticket {
            waiting.continuation.resume(throwing: CancellationError())
        }
        pull.waiting.removeAll { $0.ticket === ticket }
        if !pull.waiting.isEmpty { pulls[hash] = pull }
    }

    private func request(_ hash: String) {
        guard var pull = pulls.removeValue(forKey: hash) else { return }
        do {
            let socket = try socket(for: pull.address)
            while let place = pull.nextRequest() {
                let frames = try Codec.encode(Envelope(.chunkRequest(place)))
                guard socket.send(frames) == .sent else {
                    pull.withdraw(place)
                    break
                }
            }
            pulls[hash] = pull
        } catch {
            finish(pull, .failure(error))
        }
    }

    private func socket(for address: String) throws -> any TransportSocket {
        if let socket = sockets[address] { return socket }
        let identity = "pull#" + Hexadecimal.text(Secrets.randomBytes(8))
        let source = try ArtifactSource(address)
        let socket = try thread.open(.dealer(identity: identity), security: security(of: source))
        try socket.connect(source.address)
        thread.watch(socket) { [weak self] in
            self?.hear(address)
            while let frames = socket.receive() { self?.handle(frames) }
        }
        sockets[address] = socket
        hear(address)
        return socket
    }

    /// A process with a key pulls from nobody without one.
    private func security(of source: ArtifactSource) throws -> SocketSecurity {
        switch (keys, source.key) {
        case (nil, nil): return .none
        case (let keys?, let server?): return .client(keys, server: server)
        case (nil, .some):
            throw ClusterError(
                .artifact, "the source of an artifact wants a key, and this process has none; give --key")
        case (.some, nil):
            if source.address.hasPrefix("tcp://") {
                throw ClusterError(.artifact, "the source of an artifact has no key, though the run has keys")
            }
            return .none
        }
    }

    private func hear(_ address: String) { heard[address] = thread.now }

    /// A source that was started again is elsewhere, and its old address would be connected to for ever. One that is asked
    /// once more gets a new connection.
    private func closeUnused(besides named: [String]) {
        let used = pulls.values.reduce(into: Set(named)) { $0.formUnion($1.sources) }
        for (address, socket) in sockets where !used.contains(address) {
            thread.unwatch(socket)
            socket.close()
            sockets[address] = nil
            heard[address] = nil
        }
    }

    /// A connection over which nothing comes may have been given up by libzmq.
    private func connectAnew(_ address: String, _ now: ContinuousClock.Instant) {
        guard let socket = sockets[address], let last = heard[address], now - last > ArtifactPull.patience else {
            return
        }
        heard[address] = now
        // A failure shows when the next request is sent.
        if let source = try? ArtifactSource(address) { try? socket.connectAnew(source.address) }
    }

    private func handle(_ frames: [[UInt8]]) {
        guard let envelope = try? Codec.decode(frames[...]), case .chunk(let place, let bytes) = envelope.message,
            var pull = pulls.removeValue(forKey: place.file)
        else { return }
        let chunk = bytes as? SharedChunk
        guard let outcome = pull.take(chunk, at: place, now: thread.now) else {
            pulls[place.file] = pull
            return
        }
        counts.withLock { $0.received += UInt64(chunk?.count ?? 0) }
        receivedTotal.increment(by: chunk?.count ?? 0)
        goOn(pull, outcome)
    }

    /// A source that is gone takes no request, so a pull may stand still with nothing under way.
    private func tick() {
        let now = thread.now
        for hash in Array(pulls.keys) {
            guard var pull = pulls.removeValue(forKey: hash) else { continue }
            if pull.isWaiting(at: now) { connectAnew(pull.address, now) }
            let outcome = pull.passTime(at: now)
            goOn(pull, outcome)
        }
    }

    private func goOn(_ pull: ArtifactPull, _ outcome: ArtifactPull.Outcome) {
        switch outcome {
        case .goOn:
            pulls[pull.file.sha256] = pull
            request(pull.file.sha256)
        case .goOnLater: pulls[pull.file.sha256] = pull
        case .done(let data): finish(pull, .success(data))
        case .failed(let reason): finish(pull, .failure(ClusterError(.artifact, reason)))
        }
    }

    private func finish(_ pull: ArtifactPull, _ result: Result<Data, any Error>) {
        counts.withLock { $0.retransmits += pull.retransmits }
        retransmitsTotal.increment(by: Int64(clamping: pull.retransmits))
        for waiting in pull.waiting { waiting.continuation.resume(with: result) }
    }
}

/// One who waits for a file, and whether it still does.
final class PullTicket: Sendable {
    private let cancelled = Mutex(false)
    var isCancelled: Bool { cancelled.withLock { $0 } }
    func cancel() { cancelled.withLock { $0 = true } }
}
