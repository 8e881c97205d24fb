using System;

namespace Fedxr
{
    /// <summary>What the head does by itself while somebody sits, walks, turns, reaches or waves:
    /// sideways and upward sway (m), then pitch up and yaw to the left (rad), about where it
    /// is. Steps go nowhere: a scene is small. See <c>scenarios/worlds/movement.py</c>.</summary>
    public sealed class HeadSignal : Signal
    {
        readonly IStates states;
        readonly Doing doing;
        readonly Strokes strokes;
        readonly Wander look, nod, side, rise;
        readonly double[] agitation;
        readonly double stepHz, firmness, turn, rocking, restlessness, dt;
        double yaw;

        /// <param name="model">The scenario's model <c>movement</c>.</param>
        /// <param name="states">The person.</param>
        /// <param name="noise">Where the chance comes from.</param>
        /// <param name="rateHz">How often it is asked.</param>
        public HeadSignal(JsonMap model, IStates states, Noise noise, double rateHz)
        {
            this.states = states;
            dt = 1 / rateHz;
            doing = new Doing(states, rateHz);
            strokes = new Strokes(noise, model.Number("reach_every_s"));
            look = new Wander(noise, 0.6);
            nod = new Wander(noise, 0.7);
            side = new Wander(noise, 0.5);
            rise = new Wander(noise, 0.5);
            agitation = model.Numbers("agitation");
            stepHz = model.Number("step_hz");
            firmness = model.Number("firmness");
            turn = model.Number("turn_rad_s");
            rocking = model.Number("rocking");
            restlessness = model.Number("restlessness");
        }

        /// <inheritdoc/>
        public override int Width => 4;

        /// <inheritdoc/>
        public override void Next(double t, float[] into, int at)
        {
            doing.Next();
            double size = agitation[states.StateOf("mood")], phase = 2 * Math.PI * stepHz * t;
            double lean = doing[Doing.Reaching] * strokes.At(t);
            double wave = Math.Sin(2 * Math.PI * 1.1 * t);
            double sway = 0.008 * restlessness * size;
            double bob = 0.015 * firmness * (doing[Doing.Walking] + 0.4 * doing[Doing.Turning]);
            yaw += doing[Doing.Turning] * turn * dt;
            into[at] = (float)(sway * side.At(t) + 0.012 * doing[Doing.Waving] * wave);
            into[at + 1] = (float)(sway * rise.At(t) + bob * Math.Sin(phase) - 0.04 * lean);
            into[at + 2] = (float)(0.04 * size * nod.At(t) - 0.12 * lean
                + 0.02 * doing[Doing.Walking] * Math.Sin(phase)
                + (0.03 * doing[Doing.Waving] + 0.1 * rocking * doing[Doing.Sitting]) * size * wave);
            into[at + 3] = (float)(yaw + 0.1 * size * look.At(t));
        }
    }
}
