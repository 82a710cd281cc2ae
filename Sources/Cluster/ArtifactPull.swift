import ClusterModel
import Foundation

/// One file on its way here, as a value: which chunks to ask for, from whom, and what has come. Used on the socket thread.
///
///     LIST --(1) all of its chunks are here and have the file's hash--> CONTENT
///     CONTENT --(2) every chunk is here, each checked as it came--> done
///     any --(3) a chunk is late, missing or damaged--> the same with the next source
///     any --(4) nothing came from anybody for a while--> failed
///
/// A file of one chunk begins with CONTENT.
struct ArtifactPull {
    enum Outcome {
        case goOn
        /// Not at once: it is asked again when some time has passed.
        case goOnLater
        case done(Data)
        case failed(String)
    }

    struct Waiting {
        var ticket: PullTicket
        var progress: (@Sendable (Int) -> Void)?
        var continuation: CheckedContinuation<Data, any Error>
    }

    /// Chunks asked for and not yet here.
    private static let window = 8
    static let patience: Duration = .seconds(3)
    /// How often in a row without a single good chunk.
    private static let failuresAllowed = 10
    /// A list of more bytes would be of a file that no machine holds.
    private static let largestList = 256 << 20

    let file: ArtifactFile
    var waiting: [Waiting] = []
    private var list: ChunkList?
    private var landing: Landing
    private var next = 0
    private var done: Set<Int> = []
    /// Indices of chunks that were asked for.
    private var underway: Set<Int> = []
    private(set) var sources: [String]
    private var source = 0
    private var failures = 0
    /// The last word of a source was that it does not hold the file.
    private var isMissing = false
    /// When the last chunk came, or the pull turned to another source.
    private var lastChunk: ContinuousClock.Instant
    private(set) var retransmits: UInt64 = 0

    /// - Returns: nil when this machine cannot hold the file.
    init?(_ file: ArtifactFile, from sources: [String], at now: ContinuousClock.Instant = .now) {
        lastChunk = now
        self.file = file
        self.sources = sources
        list = ChunkList(of: file)
        let size = list == nil ? file.chunks * ChunkList.hashSize : file.size
        guard list != nil || size <= Self.largestList, let landing = Landing(count: size) else { return nil }
        self.landing = landing
    }

    var address: String { sources[source % sources.count] }

    private var chunks: Int { ChunkList.chunks(landing.count, chunkSize) }
    private var chunkSize: Int { list == nil ? Wire.chunkSize : file.chunkSize }

    // MARK: - Asking

    /// The next chunk to ask for, if another may be under way.
    mutating func nextRequest() -> ChunkPlace? {
        while underway.count < Self.window, next < chunks {
            defer { next += 1 }
            if done.contains(next) || !underway.insert(next).inserted { continue }
            return ChunkPlace(file: file.sha256, isList: list == nil, index: next)
        }
        return nil
    }

    /// The connection did not take it.
    mutating func withdraw(_ place: ChunkPlace) {
        underway.remove(place.index)
        next = min(next, place.index)
    }

    /// The artifact is served elsewhere now.
    mutating func relocate(to sources: [String], at now: ContinuousClock.Instant = .now) -> Bool {
        guard self.sources != sources else { return false }
        self.sources = sources
        (source, failures, next, lastChunk) = (0, 0, 0, now)
        underway.removeAll()
        return true
    }

    // MARK: - What comes

    /// - Returns: nil for a chunk that was not asked for.
    mutating func take(
        _ chunk: SharedChunk?, at place: ChunkPlace, now: ContinuousClock.Instant = .now
    ) -> Outcome? {
        guard place.isList == (list == nil), underway.remove(place.index) != nil else { return nil }
        isMissing = chunk == nil
        guard let chunk else {
            // A source that was started again is about to hold it.
            next = min(next, place.index)
            source += 1
            return .goOnLater
        }
        guard land(chunk, at: place.index) else {
            retransmits += 1
            next = min(next, place.index)
            return turn(after: "\(file.name) arrives damaged", allowed: Self.failuresAllowed)
        }
        done.insert(place.index)
        failures = 0
        lastChunk = now
        guard done.count == chunks else {
            tellProgress()
            return .goOn
        }
        return list == nil ? beginContent() : .done(landing.take())
    }

    private func land(_ chunk: SharedChunk, at index: Int) -> Bool {
        let start = index * chunkSize
        return chunk.withBytes { bytes in
            guard bytes.count == min(chunkSize, landing.count - start) else { return false }
            if let list, !list.holds(bytes, at: index) { return false }
            landing.write(bytes, at: start)
            return true
        }
    }

    /// Edge 1. Whose list is false may be known only when it is whole.
    private mutating func beginContent() -> Outcome {
        (next, done) = (0, [])
        guard let whole = ChunkList(landing.take(), of: file) else {
            guard let anew = Landing(count: file.chunks * ChunkList.hashSize) else { return .failed(Self.noMemory) }
            landing = anew
            return turn(after: "\(file.name) does not have the hash that its manifest names", allowed: sources.count)
        }
        guard let content = Landing(count: file.size) else { return .failed(Self.noMemory) }
        list = whole
        landing = content
        return .goOn
    }

    private func tellProgress() {
        guard list != nil else { return }
        for waiting in waiting { waiting.progress?(done.count * chunkSize) }
    }

    /// Edge 3, or 4.
    private mutating func turn(after failure: String, allowed: Int) -> Outcome {
        failures += 1
        source += 1
        return failures > allowed ? .failed(failure) : .goOn
    }

    /// True when nothing has come for too long.
    func isWaiting(at now: ContinuousClock.Instant) -> Bool { now - lastChunk >= Self.patience }

    /// Asks again for what did not come: the source was away, or the connection was cut. A chunk that is late while others
    /// come waits on a slow wire, and asking again would make it slower.
    mutating func passTime(at now: ContinuousClock.Instant = .now) -> Outcome {
        guard isWaiting(at: now) else { return .goOn }
        retransmits += UInt64(underway.count)
        next = min(next, underway.min() ?? next)
        underway.removeAll()
        lastChunk = now
        return turn(
            after: isMissing ? "no source holds \(file.name) any more" : "\(file.name): no source answers",
            allowed: Self.failuresAllowed)
    }

    static let noMemory = "there is not enough memory for it"
}
