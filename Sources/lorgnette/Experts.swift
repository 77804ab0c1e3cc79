import ArgumentParser
import Coordination
import Foundation

struct Experts: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows the experts that pipelines can name, makes new ones and checks them.",
        subcommands: [List.self, ExpertsNew.self, ExpertsCheck.self], defaultSubcommand: List.self)

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the programs named lorgnette-NAME beside this one and on PATH; run one to see its options.")

        func run() {
            let experts = ExpertLocator().installed()
            if experts.isEmpty { Terminal.say("no experts found beside this program or on PATH") }
            let width = experts.map(\.name.count).max() ?? 0
            for (name, path) in experts {
                Terminal.say(name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + path)
            }
        }
    }
}
