import Cluster
import ClusterModel

/// What a turn has to say leaves at its end, small things to one worker together: a message costs as much as a small job.
extension Coordinator {
    private static let acknowledgedTogether = 1000
    /// Each has a frame of its own, and a message 64.
    private static let leasedTogether = 50
    /// Bytes of a job that may travel with others.
    private static let smallJob = 4096

    func flush() {
        for (peer, acks) in acknowledgements {
            for start in stride(from: 0, to: acks.count, by: Self.acknowledgedTogether) {
                let some = acks[start..<min(start + Self.acknowledgedTogether, acks.count)]
                outbox.append(.init(peer, .resultAck(Array(some))))
            }
        }
        acknowledgements.removeAll(keepingCapacity: true)
        // Behind the artifacts that the jobs need.
        for (peer, grants) in grants { outbox += Self.bundles(grants).map { .init(peer, .lease($0)) } }
        grants.removeAll(keepingCapacity: true)
        guard !outbox.isEmpty else { return }
        endpoint.send(outbox)
        outbox.removeAll(keepingCapacity: true)
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
