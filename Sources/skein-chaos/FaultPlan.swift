/// What the nemesis does to a run.
enum FaultKind: String, CaseIterable, Sendable {
    /// kill -9.
    case kill
    /// SIGSTOP, and SIGCONT some seconds later.
    case freeze
    /// Bytes arrive late, in order.
    case delay
    /// Bytes arrive twice.
    case duplicate
    /// A connection ends in the middle of a message.
    case cut
    /// Bits arrive flipped.
    case flip
    /// Nothing arrives for some seconds, and no connection ends.
    case partition
    /// The disk of the run directory is full.
    case disk
    /// The network interface of a worker in a namespace of its own is down.
    case link

    /// How often it comes in one round of all kinds.
    var weight: Int {
        switch self {
        case .kill: 3
        case .freeze: 2
        default: 1
        }
    }

    var isOfLinks: Bool {
        switch self {
        case .delay, .duplicate, .cut, .flip, .partition: true
        default: false
        }
    }
}

/// One fault: a function of the seed and of the processes that there are.
struct Fault: Sendable, Equatable {
    var kind: FaultKind
    /// Name of a process, as `generator-0`; the run's for a full disk.
    var target: String
    /// Seconds since the fault before.
    var pause: Double
    /// Seconds that it lasts; 0 for what is done at once.
    var lasts: Double
}

/// The faults of a seed, without end. Kinds come in shuffled rounds, and so do the targets of each kind: a run of some
/// minutes has all of them.
struct FaultPlan: Sequence, IteratorProtocol {
    private var random: Randomness
    private let mean: Double
    private let targets: [FaultKind: [String]]
    private var kinds: [FaultKind] = []
    private var left: [FaultKind: [String]] = [:]

    /// - Parameters:
    ///   - mean: seconds between two faults.
    ///   - targets: what each kind may be done to; a kind without any never comes.
    init(seed: UInt64, mean: Double, targets: [FaultKind: [String]]) {
        random = Randomness(seed: seed, "nemesis")
        self.mean = mean
        self.targets = targets.filter { !$0.value.isEmpty }
    }

    mutating func next() -> Fault? {
        guard !targets.isEmpty else { return nil }
        if kinds.isEmpty {
            kinds = FaultKind.allCases.filter { targets[$0] != nil }
                .flatMap { Array(repeating: $0, count: $0.weight) }.shuffled(using: &random)
        }
        let kind = kinds.removeLast()
        var waiting = left[kind] ?? []
        if waiting.isEmpty { waiting = (targets[kind] ?? []).shuffled(using: &random) }
        let target = waiting.removeLast()
        left[kind] = waiting
        let pause = random.seconds(0.5 * mean...1.5 * mean)
        let lasts = kind == .kill ? 0 : random.seconds((kind == .disk ? 3 : 1)...8)
        return Fault(kind: kind, target: target, pause: pause, lasts: lasts)
    }
}
