"""A folding engine on OpenMM: simulated annealing by Langevin dynamics, then minimisation, on whatever platform is there.

Speaks the conversation that `folding::engine` describes: one line of JSON on standard input, lines of JSON on standard
output. The force field is the one answers are scored by, so a low energy here is a low energy there.
"""

import time

BEGAN = time.monotonic()  # before what takes its time to load: the budget counts from when the engine is started

import io
import json
import sys

import openmm
from openmm import app, unit

TIMESTEP_PS = 0.002
FRICTION_PER_PS = 1.0  # far below water's: the chain moves faster, and only where it ends matters
HOT_K, COLD_K = 900.0, 250.0
ROUND_S_MAX = 30.0  # one heating and cooling
ROUNDS_MIN = 3
KCAL = unit.kilocalorie_per_mole
COLUMNS = ("_atom_site.Cartn_x", "_atom_site.Cartn_y", "_atom_site.Cartn_z")


def system_of(topology):
    forcefield = app.ForceField("amber19/protein.ff19SB.xml", "implicit/obc2.xml")
    system = forcefield.createSystem(topology, nonbondedMethod=app.NoCutoff, constraints=None)
    hold_peptides(system, topology)
    return system


def hold_peptides(system, topology):
    """Keeps peptides trans while it is hot: a cis one would be refused, and does not come back by itself. The force is
    zero wherever peptides are trans, so minima stay where they are."""
    trans = openmm.CustomTorsionForce("100*max(0, cos(theta)+0.5)^2")
    for a, b, c, d in peptides(topology):
        trans.addTorsion(a, b, c, d, [])
    trans.setForceGroup(1)
    system.addForce(trans)


def peptides(topology):
    residues = list(topology.residues())
    for before, after in zip(residues, residues[1:]):
        first = {atom.name: atom.index for atom in before.atoms()}
        second = {atom.name: atom.index for atom in after.atoms()}
        if "N" in second and "C" in first:
            yield (
                first.get("CA", first.get("CH3")),
                first["C"],
                second["N"],
                second.get("CA", second["C"]),
            )


def with_positions(mmcif, positions):
    """The mmCIF we were given, with other coordinates and as many digits as a float has."""
    names, lines, row = [], [], 0
    for line in mmcif.splitlines():
        if line.startswith("_atom_site."):
            names.append(line.strip())
        elif line.startswith(("ATOM", "HETATM")):
            words = line.split()
            for column, x in zip(COLUMNS, positions[row]):
                words[names.index(column)] = repr(float(x))
            line = " ".join(words)
            row += 1
        lines.append(line)
    return "\n".join(lines) + "\n"


class Fold:
    """One chain and its simulation."""

    def __init__(self, request):
        self.mmcif = request["mmcif"]
        self.budget_s = float(request["budget_s"])
        file = app.PDBxFile(io.StringIO(self.mmcif))
        integrator = openmm.LangevinMiddleIntegrator(HOT_K, FRICTION_PER_PS / unit.picosecond, TIMESTEP_PS)
        integrator.setRandomNumberSeed(int(request["seed"]) % (2**31 - 1) + 1)
        system = system_of(file.topology)
        # Heavier hydrogens swing slower and let the step be twice as long; minima do not depend on masses.
        for bond in file.topology.bonds():
            first, second = bond
            if first.element.symbol == "H":
                first, second = second, first
            if second.element.symbol == "H" and first.element.symbol != "H":
                moved = 2.0
                system.setParticleMass(second.index, system.getParticleMass(second.index)._value + moved)
                system.setParticleMass(first.index, system.getParticleMass(first.index)._value - moved)
        self.simulation = app.Simulation(file.topology, system, integrator)
        self.simulation.context.setPositions(file.positions)
        self.lowest = None

    def fraction(self):
        return min((time.monotonic() - BEGAN) / self.budget_s, 1.0)

    def tell(self, mmcif=None):
        line = {"fraction": self.fraction(), "energy": self.lowest and self.lowest[0]}
        if mmcif:
            line["mmcif"] = mmcif
        print(json.dumps(line), flush=True)

    def minimise(self):
        """Goes to the nearest minimum, and shows it if it is the lowest so far."""
        self.simulation.minimizeEnergy()
        state = self.simulation.context.getState(energy=True, positions=True, groups={0})
        energy = state.getPotentialEnergy().value_in_unit(KCAL)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
        if self.lowest is None or energy < self.lowest[0]:
            self.lowest = (energy, state.getPositions())
            self.tell(with_positions(self.mmcif, positions))

    def anneal(self, seconds):
        """Heats and cools within so many seconds, from wherever the chain is."""
        context, integrator = self.simulation.context, self.simulation.integrator
        context.setVelocitiesToTemperature(HOT_K)
        began = told = time.monotonic()
        while (spent := time.monotonic() - began) < seconds:
            integrator.setTemperature(HOT_K * (COLD_K / HOT_K) ** (spent / seconds))
            self.simulation.step(50)
            if time.monotonic() - told > 1.0:
                told = time.monotonic()
                self.tell()

    def run(self):
        self.minimise()
        round_s = min(ROUND_S_MAX, self.budget_s / ROUNDS_MIN)
        while (left := self.budget_s - (time.monotonic() - BEGAN)) > 0.1 * round_s:
            self.anneal(0.9 * min(round_s, left))
            self.minimise()


def main():
    Fold(json.loads(sys.stdin.readline())).run()


if __name__ == "__main__":
    main()
