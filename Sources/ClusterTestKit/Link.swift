import ClusterModel

/// The connection of one process to the coordinator: in order, delayed, lost with everything under way when it is cut; and
/// where a plan says so, single messages are lost, come twice, late or in another order, connection or no connection.
final class Link {
    private static let reconnect: ClosedRange<Int64> = 20...300

    private unowned let world: World
    private let changed: (Bool) -> Void
    private(set) var isUp = false
    /// Messages of an earlier connection do not arrive.
    private var connection = 0
    private var lingering = -1
    private var cutUntil: Int64 = 0
    private var lossUntil: Int64 = 0
    private var loss = 0
    private var disturbedUntil: Int64 = 0
    private var disturbance = 0
    private var arrivals: [Bool: Int64] = [:]
    private var isOpen = false

    /// - Parameter changed: told when the connection is made or lost.
    init(_ world: World, changed: @escaping (Bool) -> Void) {
        self.world = world
        self.changed = changed
    }

    /// The process is there and tries to connect.
    func open() {
        isOpen = true
        tryAgain()
    }

    /// The process is gone; in order: what it said last still arrives.
    func close(inOrder: Bool) {
        isOpen = false
        if inOrder { lingering = connection }
        down(tell: false)
    }

    func connectAnew() {
        down(tell: false)
        tryAgain()
    }

    private func tryAgain() {
        guard isOpen, !isUp else { return }
        world.after(world.delay(Self.reconnect)) { [self] in
            guard isOpen, !isUp else { return }
            guard world.coordinator.isUp, world.now >= cutUntil else {
                tryAgain()
                return
            }
            connection += 1
            isUp = true
            changed(true)
        }
    }

    private func down(tell: Bool) {
        guard isUp else { return }
        isUp = false
        connection += 1
        if tell { changed(false) }
    }

    /// The other side is gone, or the wire.
    func lost() {
        lingering = -1
        down(tell: true)
        tryAgain()
    }

    func cut(for period: Int64) {
        cutUntil = max(cutUntil, world.now + period)
        lost()
    }

    func lose(share: Int, for period: Int64) {
        loss = share
        lossUntil = world.now + period
    }

    func disturb(share: Int, for period: Int64) {
        disturbance = share
        disturbedUntil = world.now + period
    }

    /// - Parameter upward: to the coordinator.
    func carry(upward: Bool, _ deliver: @escaping () throws -> Void) {
        guard isUp else { return }
        if world.now < lossUntil, world.chance(loss) { return }
        if world.now < disturbedUntil, world.chance(disturbance) {
            // From a connection that may be gone by then, too.
            world.after(world.delay(0...20_000)) { try deliver() }
            if world.chance(50) { return }
        }
        let arrival = max(arrivals[upward] ?? 0, world.now + world.delay(0...30))
        arrivals[upward] = arrival
        let sent = connection
        world.after(arrival - world.now) { [self] in
            if connection == sent || (upward && lingering == sent) { try deliver() }
        }
    }
}
