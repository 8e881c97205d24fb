namespace Fedxr
{
    /// <summary>What the simulated user does, wants or feels now, by task.</summary>
    public interface IStates
    {
        /// <summary>The class of <paramref name="task"/> that is true now; 0 where there is none.</summary>
        int StateOf(string task);
    }

    /// <summary>A simulated sensor's samples, one after the other, from a scenario's model of it and
    /// the person's states. The models are those of the Python package's <c>scenarios/worlds</c>,
    /// sample by sample instead of episode by episode. Engine-free.</summary>
    public abstract class Signal
    {
        /// <summary>Numbers of one sample.</summary>
        public abstract int Width { get; }

        /// <summary>Write the sample at <paramref name="t"/> seconds into <paramref name="into"/> from
        /// index <paramref name="at"/> on. It must not allocate.</summary>
        public abstract void Next(double t, float[] into, int at);
    }
}
