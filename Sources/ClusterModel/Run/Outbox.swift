/// What a turn has to say leaves at its end, small things to one worker together: a message costs as much as a small job.
struct Outbox: Sendable {
    private static let acknowledgedTogether = 1000
    /// With a lease, which may be nearly as large as a message can be.
    private static let acknowledgedBesides = 64
    /// Each has a frame of its own, and a message 64.
    private static let leasedTogether = 50
    /// Bytes of a job that may travel with others.
    private static let smallJob = 4096

    private var messages: [Outgoing] = []
    private var acknowledgements: [WorkerID: [Acknowledgement]] = [:]
    private var grants: [WorkerID: [Grant]] = [:]

    mutating func add(_ peer: WorkerID, _ message: Message, inReplyTo: UInt64 = 0) {
        messages.append(Outgoing(peer, message, inReplyTo: inReplyTo))
    }

    mutating func acknowledge(_ peer: WorkerID, _ job: JobID, attempt: Int, _ status: AckStatus) {
        acknowledgements[peer, default: []].append(Acknowledgement(job, attempt: attempt, status))
    }

    mutating func grant(_ peer: WorkerID, _ grant: Grant) { grants[peer, default: []].append(grant) }

    /// Everything, leases behind the artifacts that their jobs need.
    ///
    /// - Parameter takesBoth: whether a peer understands acknowledgements in a lease.
    mutating func take(takesBoth: (WorkerID) -> Bool) -> [Outgoing] {
        // Peer after peer: what goes to one at a time travels in one packet.
        for peer in Set(acknowledgements.keys).union(grants.keys).sorted() {
            var acks = acknowledgements[peer] ?? []
            var besides: [Acknowledgement] = []
            if !acks.isEmpty, acks.count <= Self.acknowledgedBesides, grants[peer] != nil, takesBoth(peer) {
                swap(&acks, &besides)
            }
            for start in stride(from: 0, to: acks.count, by: Self.acknowledgedTogether) {
                let some = acks[start..<min(start + Self.acknowledgedTogether, acks.count)]
                add(peer, .resultAck(Array(some)))
            }
            for bundle in Self.bundles(grants[peer] ?? []) {
                add(peer, .lease(bundle, acknowledged: besides))
                besides = []
            }
        }
        acknowledgements.removeAll(keepingCapacity: true)
        grants.removeAll(keepingCapacity: true)
        defer { messages.removeAll(keepingCapacity: true) }
        return messages
    }

    private static func bundles(_ grants: [Grant]) -> [[Grant]] {
        var bundles: [[Grant]] = []
        var isOpen = false
        for grant in grants {
            let isSmall = isSmall(grant.job)
            if isSmall, isOpen, let last = bundles.indices.last, bundles[last].count < leasedTogether {
                bundles[last].append(grant)
            } else {
                bundles.append([grant])
                isOpen = isSmall
            }
        }
        return bundles
    }

    private static func isSmall(_ job: Job) -> Bool {
        guard case .generate(let job) = job else { return false }
        return job.prompts.reduce(0) { $0 + 4 * $1.tokens.count + $1.text.utf8.count } < smallJob
    }
}
