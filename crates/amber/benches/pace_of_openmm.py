"""How long OpenMM's CPU platform takes for an energy with its forces.

`pace_of_openmm.py FILE.pdb THREADS SECONDS` prints the median in milliseconds, how many evaluations it is of, and the energy in
kcal/mol.
"""

import sys
import time

import openmm
from openmm import app, unit

file, threads, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
structure = app.PDBFile(file)
field = app.ForceField("amber19/protein.ff19SB.xml", "implicit/obc2.xml")
system = field.createSystem(structure.topology, nonbondedMethod=app.NoCutoff, constraints=None, rigidWater=False)
platform = openmm.Platform.getPlatformByName("CPU")
context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform, {"Threads": threads})
context.setPositions(structure.positions)


def evaluate():
    return context.getState(getEnergy=True, getForces=True)


for _ in range(5):
    state = evaluate()
times = []
start = time.perf_counter()
while time.perf_counter() - start < seconds:
    begun = time.perf_counter()
    state = evaluate()
    times.append((time.perf_counter() - begun) * 1e3)
times.sort()
energy = state.getPotentialEnergy().value_in_unit(unit.kilocalories_per_mole)
print(times[len(times) // 2], len(times), energy)
