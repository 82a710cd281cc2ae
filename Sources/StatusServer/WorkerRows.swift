import ClusterModel

/// The list of workers as JSON, written by hand: with a thousand of them it is nearly all of the status, and `JSONEncoder`
/// takes ten times as long. A test compares the two.
struct WorkerRows {
    private(set) var text = "["

    init(_ workers: [ClusterSnapshot.Worker]) {
        text.reserveCapacity(workers.count * 400 + 2)
        for (index, worker) in workers.enumerated() {
            if index > 0 { text += "," }
            add(worker)
        }
        text += "]"
    }

    /// The keys in their order, as everywhere in the status.
    private mutating func add(_ worker: ClusterSnapshot.Worker) {
        text += "{\"build\":"
        add(worker.build)
        text += ",\"host\":"
        add(worker.host)
        text += ",\"id\":"
        add(worker.id)
        text += ",\"jobs\":["
        for (index, job) in worker.jobs.enumerated() {
            if index > 0 { text += "," }
            add(job)
        }
        text +=
            "],\"jobs_done\":\(worker.jobsDone),\"joined_ms\":\(worker.joinedMs),\"last_seen_ms\":\(worker.lastSeenMs)"
        text += ",\"name\":"
        add(worker.name)
        text += ",\"pid\":\(worker.pid),\"resident_bytes\":\(worker.residentBytes),\"role\":"
        add(worker.role)
        text += ",\"slots\":\(worker.slots),\"state\":"
        add(worker.state)
        // What is not finite is no number in JSON.
        text += ",\"tokens_per_s\":\(worker.tokensPerS.isFinite ? worker.tokensPerS : 0)"
        if let version = worker.version { text += ",\"version\":\(version)" }
        text += "}"
    }

    private mutating func add(_ value: String) {
        text += "\""
        if value.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
            text += value
        } else {
            for scalar in value.unicodeScalars {
                switch scalar {
                case "\"": text += "\\\""
                case "\\": text += "\\\\"
                case _ where scalar.value < 0x20:
                    let digits = String(scalar.value, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                default: text.unicodeScalars.append(scalar)
                }
            }
        }
        text += "\""
    }
}
