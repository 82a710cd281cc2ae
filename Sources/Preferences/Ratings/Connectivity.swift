/// Which items can be compared at all.
///
/// A Bradley-Terry rating exists only within a set of items in which each has, over others, beaten each
/// (Ford 1957): between two such sets one has won every battle or none took place, and the maximum of the likelihood is
/// at infinity.
package struct Connectivity: Sendable, Equatable {
    /// Sets of items that can be rated together, largest first; items that are alone in theirs included.
    package let strong: [[Int]]
    /// Sets of items with a chain of battles between them, whoever won; largest first.
    package let linked: [[Int]]

    package init(_ table: BattleTable) {
        var beats = [Set<Int>](repeating: [], count: table.items.count)
        for battle in table.battles where battle.weight > 0 && battle.left != battle.right {
            if battle.score > 0 { beats[battle.left].insert(battle.right) }
            if battle.score < 1 { beats[battle.right].insert(battle.left) }
        }
        self.init(beats: beats.map { $0.sorted() })
    }

    /// - Parameter beats: for each item, those that it has beaten at least once; a tie counts for both.
    package init(beats: [[Int]]) {
        strong = Self.ordered(StrongComponents.of(beats))
        var both = beats
        for (item, beaten) in beats.enumerated() { for other in beaten { both[other].append(item) } }
        linked = Self.ordered(StrongComponents.of(both))
    }

    /// Items that can be rated with at least one other.
    package var rated: [[Int]] { strong.filter { $0.count > 1 } }

    private static func ordered(_ sets: [[Int]]) -> [[Int]] {
        sets.map { $0.sorted() }.sorted { a, b in
            a.count != b.count ? a.count > b.count : a.lexicographicallyPrecedes(b)
        }
    }
}

/// Tarjan's algorithm (1972), without recursion: a chain of items may be as long as the file.
enum StrongComponents {
    static func of(_ edges: [[Int]]) -> [[Int]] {
        let unseen = -1
        var order = [Int](repeating: unseen, count: edges.count)
        var lowest = order
        var isOnStack = [Bool](repeating: false, count: edges.count)
        var stack: [Int] = []
        var components: [[Int]] = []
        var time = 0
        for root in edges.indices where order[root] == unseen {
            var path = [(node: root, next: 0)]
            while let (node, next) = path.last {
                if next == 0 {
                    order[node] = time
                    lowest[node] = time
                    time += 1
                    stack.append(node)
                    isOnStack[node] = true
                }
                if next < edges[node].count {
                    path[path.count - 1].next = next + 1
                    let target = edges[node][next]
                    if order[target] == unseen {
                        path.append((target, 0))
                    } else if isOnStack[target] {
                        lowest[node] = min(lowest[node], order[target])
                    }
                    continue
                }
                path.removeLast()
                if let parent = path.last?.node { lowest[parent] = min(lowest[parent], lowest[node]) }
                guard lowest[node] == order[node] else { continue }
                var component: [Int] = []
                while let last = stack.popLast() {
                    isOnStack[last] = false
                    component.append(last)
                    if last == node { break }
                }
                components.append(component)
            }
        }
        return components
    }
}
