# SPDX-License-Identifier: MIT
# A sweep as jobs of Snakemake: split into tasks, each task a job, then collected (docs/sweeps.md).
# snakemake --snakefile sweep.smk --cores 2 --config sweep=SWEEP.json out=DIR tasks=8
SWEEP, OUT, TASKS = config["sweep"], config["out"], int(config.get("tasks", 8))
MMUSIM = config.get("mmusim", "mmusim")

rule collect:
    input: expand("{out}.tasks/{n}.done", out=OUT, n=range(TASKS))
    shell: "{MMUSIM} sweep {OUT} && rm -r {OUT}.tasks"

rule split:
    output: OUT + ".tasks/names"
    shell: "{MMUSIM} sweep {SWEEP} --out {OUT} --split {TASKS} > {output}"

rule task:
    input: OUT + ".tasks/names"
    output: touch(OUT + ".tasks/{n}.done")
    shell: "name=$(sed -n $(({wildcards.n} + 1))p {input}); test -z \"$name\" || {MMUSIM} sweep --task \"$name\""
