/// Processes that say HELLO under a name that another process has, or as a second learner.
///
///     (1) HELLO --> WAITS --(2) the other is heard for longer than a dead one can be--> refused
///     WAITS --(3) the other has left, or is silent for as long as nobody alive is--> joins
///
/// So a worker that was started again takes its name over within seconds, and one that was given the name of another does
/// not push it out.
struct Claims: Sendable {
    struct Claim: Sendable {
        var hello: Hello
        /// Number of the last HELLO.
        var greeting: UInt64
        var since: Int64
        fileprivate(set) var said: Int64

        /// Milliseconds after a claim in which the other may still be heard though it is dead: its words were on their way.
        private static let echo: Int64 = 1_500

        /// Edge 2: who was last heard then is alive.
        func isRefuted(byOneHeardAt time: Int64) -> Bool { time - since > Self.echo }
    }

    /// Milliseconds after its last HELLO for which a claim stands.
    private static let kept: Int64 = 20_000
    /// A flood of names must not fill the memory.
    private static let most = 64

    private var claims: [WorkerID: Claim] = [:]

    /// Those that were heard last come first: of several for one name, the others may have died since.
    var all: [Claim] { claims.sorted { ($1.value.said, $0.key) < ($0.value.said, $1.key) }.map(\.value) }

    /// Edge 1.
    mutating func add(_ hello: Hello, greeting: UInt64, at time: Int64) {
        guard claims[hello.id] != nil || claims.count < Self.most else { return }
        claims[hello.id, default: Claim(hello: hello, greeting: greeting, since: time, said: time)].greeting = greeting
        claims[hello.id]?.said = time
    }

    /// Edges 2 and 3.
    mutating func end(_ id: WorkerID) { claims[id] = nil }

    mutating func passTime(_ time: Int64) { claims = claims.filter { time - $0.value.said <= Self.kept } }

    mutating func shift(by gap: Int64) {
        for id in claims.keys {
            claims[id]?.since += gap
            claims[id]?.said += gap
        }
    }
}
