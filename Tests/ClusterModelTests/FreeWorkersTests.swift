import Testing

@testable import ClusterModel

/// Against the plain way to do the same.
@Suite struct FreeWorkersTests {
    private struct Plain {
        var capabilities: Capabilities
        var taken: Int
        var free: Int
    }

    @Test func theNextIsTheLeastBusyThatCan() throws {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("FreeWorkersTests: seed \(seed)")
        var random = SplitMix(state: seed)
        let kinds = [
            Capabilities(kinds: [.generate]), Capabilities(kinds: [.score], rewards: ["a"]),
            Capabilities(kinds: [.score], rewards: ["b"]),
        ]
        var free = FreeWorkers()
        var plain: [WorkerID: Plain] = [:]
        for _ in 0..<20_000 {
            let id = WorkerID(name: "w\(Int.random(in: 0..<50, using: &random))", incarnation: 1)
            switch Int.random(in: 0..<4, using: &random) {
            case 0, 1:
                let worker = Plain(
                    capabilities: kinds[Int.random(in: 0..<3, using: &random)],
                    taken: Int.random(in: 0..<3, using: &random), free: Int.random(in: -1..<3, using: &random))
                plain[id] = worker.free > 0 ? worker : nil
                free.note(id, worker.capabilities, taken: worker.taken, free: worker.free)
            case 2:
                plain[id] = nil
                free.forget(id)
            default:
                let wanted: JobKind = Bool.random(using: &random) ? .generate : .score
                let best = plain.filter { $0.value.capabilities.kinds.contains(wanted) }.min {
                    ($0.value.taken, $1.value.free, $0.key) < ($1.value.taken, $0.value.free, $1.key)
                }
                let next = free.next { $0.kinds.contains(wanted) }
                #expect(next?.id == best?.key)
                guard let next else { continue }
                if Bool.random(using: &random) {
                    free.put(next)
                } else {
                    plain[next.id] = nil
                }
            }
        }
    }

    @Test func leasesRunOutAtTheirDeadlines() {
        let seed = UInt64.random(in: 0..<1_000_000)
        print("TakenSlots: seed \(seed)")
        var random = SplitMix(state: seed)
        var ledger = JobLedger(retriesAllowed: 100_000)
        let queue = JobLedger.Queue(kind: .generate, part: 0)
        for index in 0..<200 { ledger.add(JobID(step: 0, index: index, kind: .generate)) }
        var plain: [JobID: (worker: WorkerID, attempt: Int, deadline: Int64)] = [:]
        var time: Int64 = 0
        for _ in 0..<10_000 {
            let worker = WorkerID(name: "w\(Int.random(in: 0..<20, using: &random))", incarnation: 1)
            switch Int.random(in: 0..<6, using: &random) {
            case 0, 1, 2:
                let deadline = time + Int64.random(in: 1...40, using: &random)
                if let (job, attempt) = ledger.lease(from: queue, to: worker, deadline: deadline, now: time) {
                    plain[job] = (worker, attempt, deadline)
                }
            case 3:
                guard let (job, lease) = plain.min(by: { $0.key < $1.key }) else { continue }
                let deadline = time + Int64.random(in: 1...80, using: &random)
                let isRenewed = ledger.renew(
                    job, attempt: lease.attempt, by: lease.worker, tokens: 1, deadline: deadline, now: time)
                #expect(isRenewed)
                plain[job]?.deadline = max(lease.deadline, deadline)
            case 4:
                guard let (job, lease) = plain.max(by: { $0.key < $1.key }) else { continue }
                ledger.handBack(job, attempt: lease.attempt, by: lease.worker)
                plain[job] = nil
            default:
                time += Int64.random(in: 0...10, using: &random)
                let due = plain.filter { $0.value.deadline < time }.keys.sorted()
                let expired = ledger.expire(now: time).map(\.job)
                #expect(expired == due)
                for job in due { plain[job] = nil }
            }
            #expect(ledger.leasedCount(.generate) == plain.count)
            let held = Set(plain.filter { $0.value.worker == worker }.keys)
            #expect(ledger.leases(of: worker) == held)
            #expect(ledger.taken(by: worker) == held.count)
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }
}
