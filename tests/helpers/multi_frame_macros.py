"""What synthetic multi-frame images say beside where their frames lie: modules, and macros that all frames share."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.helpers.sources import ROOT

_ORIGINAL = {
    "CT": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    "MR": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    "PT": ["ORIGINAL", "PRIMARY", "STATIC", "NONE"],
}


def item(**attributes: Any) -> Dataset:
    """A data set of these attributes."""
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def one(**attributes: Any) -> Sequence:
    """A sequence of one item."""
    return Sequence([item(**attributes)])


def TOP(modality: str, legacy: bool) -> Dataset:  # noqa: N802 - stands beside tables
    """All that is no functional group: patient, study, series, equipment, the enhanced image modules."""
    dataset = item(
        SpecificCharacterSet="ISO_IR 192",
        ImageType=_ORIGINAL[modality],
        StudyInstanceUID=f"{ROOT}.1",
        SeriesInstanceUID=f"{ROOT}.2",
        FrameOfReferenceUID=f"{ROOT}.3",
        PositionReferenceIndicator="",
        PatientName="Doe^Jane",
        PatientID="P1",
        PatientBirthDate="19700101",
        PatientSex="F",
        StudyDate="20260102",
        StudyTime="101500",
        SeriesDate="20260102",
        SeriesTime="102000",
        ContentDate="20260102",
        ContentTime="102500",
        AcquisitionDateTime="20260102102100.000000",
        AcquisitionDuration=30.0,
        StudyID="S1",
        AccessionNumber="A1",
        ReferringPhysicianName="Ref^Erring",
        SeriesDescription="Thorax 2.0",
        Modality=modality,
        SeriesNumber=3,
        InstanceNumber=1,
        Manufacturer="ACME",
        ManufacturerModelName="Scanner 1",
        DeviceSerialNumber="42",
        SoftwareVersions="1.0",
        PatientPosition="HFS",
        AcquisitionNumber=1,
        ContentQualification="PRODUCT",
        PixelPresentation="MONOCHROME",
        VolumetricProperties="VOLUME",
        VolumeBasedCalculationTechnique="NONE",
        AcquisitionContextSequence=Sequence(),
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        BurnedInAnnotation="NO",
        LossyImageCompression="00",
        PresentationLUTShape="IDENTITY",
    )
    if not legacy:
        dataset.update(_TOP_OF[modality])
    elif modality == "MR":
        dataset.ComplexImageComponent, dataset.AcquisitionContrast = "MAGNITUDE", "T1"
    return dataset


_DRUG = one(
    RadiopharmaceuticalAgentNumber=1,
    RadionuclideCodeSequence=Sequence([code("77004003", "SCT", "^18^Fluorine")]),
    RadiopharmaceuticalCodeSequence=Sequence([code("35321007", "SCT", "Fluorodeoxyglucose F^18^")]),
    AdministrationRouteCodeSequence=Sequence([code("47625008", "SCT", "Intravenous route")]),
    RadiopharmaceuticalStartDateTime="20260102093000",
    RadionuclideTotalDose=3.7e8,
    RadionuclideHalfLife=6586.2,
    RadionuclidePositronFraction=0.97,
)
_CORRECTIONS = (
    "DecayCorrected",
    "AttenuationCorrected",
    "ScatterCorrected",
    "DeadTimeCorrected",
    "GantryMotionCorrected",
    "PatientMotionCorrected",
    "CountLossNormalizationCorrected",
    "RandomsCorrected",
    "NonUniformRadialSamplingCorrected",
    "SensitivityCalibrated",
)
_TOP_OF = {
    "CT": item(),
    "MR": item(
        ResonantNucleus="1H",
        KSpaceFiltering="NONE",
        MagneticFieldStrength=3.0,
        ApplicableSafetyStandardAgency="IEC",
        ComplexImageComponent="MAGNITUDE",
        AcquisitionContrast="T1",
        PulseSequenceName="se",
        MRAcquisitionType="2D",
        EchoPulseSequence="SPIN",
        MultipleSpinEcho="NO",
        MultiPlanarExcitation="NO",
        PhaseContrast="NO",
        TimeOfFlightContrast="NO",
        SteadyStatePulseSequence="NONE",
        EchoPlanarPulseSequence="NO",
        SaturationRecovery="NO",
        SpectrallySelectedSuppression="NONE",
        OversamplingPhase="NONE",
        GeometryOfKSpaceTraversal="RECTILINEAR",
        SegmentedKSpaceTraversal="SINGLE",
        RectilinearPhaseEncodeReordering="LINEAR",
        NumberOfKSpaceTrajectories=1,
    ),
    "PT": item(
        CountsSource="EMISSION",
        **dict.fromkeys(_CORRECTIONS, "NO"),
        DetectorNormalizationCorrection="NO",
        TimeOfFlightInformationUsed="FALSE",
        TableMotion="STATIC",
        TypeOfDetectorMotion="STATIONARY",
        CollimatorType="NONE",
        AcquisitionStartCondition="MANU",
        AcquisitionTerminationCondition="TIME",
        TerminationTimeThreshold=120.0,
        DetectorGeometry="CYLINDRICAL_RING",
        TransverseDetectorSeparation=2.0,
        AxialDetectorDimension=200.0,
        CoincidenceWindowWidth=4.5,
        EnergyWindowRangeSequence=one(EnergyWindowLowerLimit=425, EnergyWindowUpperLimit=650),
        RadiopharmaceuticalInformationSequence=_DRUG,
        ViewCodeSequence=Sequence([code("81654009", "SCT", "Coronal")]),
    ),
}


def PIXEL_TRANSFORMATION(modality: str, slope: float | None) -> Dataset:  # noqa: N802
    """Item of the Pixel Value Transformation macro."""
    intercept = -1024 if modality == "CT" else 0
    rescale = {"CT": "HU", "PT": "US", "MR": "US"}[modality]
    return item(RescaleIntercept=intercept, RescaleSlope=1 if slope is None else slope, RescaleType=rescale)


def _frame_type(modality: str) -> dict[str, Any]:
    keyword = {"CT": "CTImageFrameType", "MR": "MRImageFrameType", "PT": "PETFrameType"}[modality]
    said: dict[str, Any] = {
        "FrameType": _ORIGINAL[modality],
        "PixelPresentation": "MONOCHROME",
        "VolumetricProperties": "VOLUME",
        "VolumeBasedCalculationTechnique": "NONE",
    }
    if modality == "MR":
        said |= {"ComplexImageComponent": "MAGNITUDE", "AcquisitionContrast": "T1"}
    return {f"{keyword}Sequence": one(**said)}


def OF_MODALITY(modality: str, legacy: bool) -> dict[str, Sequence]:  # noqa: N802
    """Macros that all frames share, by the keyword of their sequence."""
    chest = code("43799004", "SCT", "Chest")
    common = _frame_type(modality) | {
        "FrameAnatomySequence": one(FrameLaterality="U", AnatomicRegionSequence=Sequence([chest])),
    }
    if legacy:
        kept = one(PatientComments="none", **_CLASSIC[modality])
        return common | {"UnassignedSharedConvertedAttributesSequence": kept}
    return common | {"CT": _ct, "MR": _mr, "PT": _pet}[modality]()


#: What single-frame images say that no macro of a conversion has.
_CLASSIC: dict[str, dict[str, Any]] = {
    "CT": {"KVP": 120, "ConvolutionKernel": "B30", "Exposure": 100},
    "MR": {
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "ScanOptions": "",
        "MRAcquisitionType": "2D",
        "RepetitionTime": 500,
        "EchoTime": 12,
        "EchoTrainLength": 1,
    },
    "PT": {
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "SeriesType": ["STATIC", "IMAGE"],
        "DecayCorrection": "START",
        "CorrectedImage": ["DECY"],
        "CollimatorType": "NONE",
        "NumberOfSlices": 6,
        "FrameReferenceTime": 0,
        "ActualFrameDuration": 120000,
        "DecayFactor": 1.0,
    },
}


def _ct() -> dict[str, Sequence]:
    return {
        "IrradiationEventIdentificationSequence": one(IrradiationEventUID=f"{ROOT}.8"),
        "CTAcquisitionTypeSequence": one(AcquisitionType="SPIRAL", ConstantVolumeFlag="NO", FluoroscopyFlag="NO"),
        "CTAcquisitionDetailsSequence": one(
            RotationDirection="CW",
            RevolutionTime=0.5,
            SingleCollimationWidth=0.6,
            TotalCollimationWidth=38.4,
            TableHeight=150.0,
            GantryDetectorTilt=0.0,
            DataCollectionDiameter=500.0,
        ),
        "CTTableDynamicsSequence": one(TableSpeed=10.0, TableFeedPerRotation=5.0, SpiralPitchFactor=1.0),
        "CTPositionSequence": one(
            TablePosition=0.0,
            DataCollectionCenterPatient=[0.0, 0.0, 0.0],
            ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0],
        ),
        "CTGeometrySequence": one(DistanceSourceToDetector=1000.0, DistanceSourceToDataCollectionCenter=500.0),
        "CTReconstructionSequence": one(
            ReconstructionAlgorithm="FILTER_BACK_PROJ",
            ConvolutionKernel="B30",
            ConvolutionKernelGroup="SOFT_TISSUE",
            ReconstructionDiameter=15.0,
            ReconstructionPixelSpacing=[1.25, 1.0],
            ReconstructionAngle=360.0,
            ImageFilter="NONE",
        ),
        "CTExposureSequence": one(
            ExposureTimeInms=500.0,
            XRayTubeCurrentInmA=200.0,
            ExposureInmAs=100.0,
            ExposureModulationType="NONE",
            CTDIvol=10.0,
            CTDIPhantomTypeCodeSequence=Sequence([code("113691", "DCM", "IEC Body Dosimetry Phantom")]),
        ),
        "CTXRayDetailsSequence": one(KVP=120, FocalSpots=[1.2], FilterType="FLAT", FilterMaterial="ALUMINUM"),
    }


def _mr() -> dict[str, Sequence]:
    coil = one(MultiCoilElementName="A", MultiCoilElementUsed="YES")
    return {
        "MRTimingAndRelatedParametersSequence": one(
            RepetitionTime=500,
            FlipAngle=90,
            EchoTrainLength=1,
            RFEchoTrainLength=1,
            GradientEchoTrainLength=0,
            SpecificAbsorptionRateSequence=one(
                SpecificAbsorptionRateDefinition="IEC_WHOLE_BODY", SpecificAbsorptionRateValue=0.1
            ),
            GradientOutputType="DB_DT",
            GradientOutput=1.0,
            OperatingModeSequence=one(OperatingModeType="STATIC FIELD", OperatingMode="IEC_NORMAL"),
        ),
        "MRFOVGeometrySequence": one(
            InPlanePhaseEncodingDirection="ROW",
            MRAcquisitionFrequencyEncodingSteps=14,
            MRAcquisitionPhaseEncodingStepsInPlane=12,
            PercentSampling=100,
            PercentPhaseFieldOfView=100,
        ),
        "MREchoSequence": one(EffectiveEchoTime=12.0),
        "MRModifierSequence": one(
            InversionRecovery="NO",
            FlowCompensation="NONE",
            T2Preparation="NO",
            SpectrallySelectedExcitation="NONE",
            SpatialPresaturation="NONE",
            PartialFourier="NO",
            ParallelAcquisition="NO",
        ),
        "MRImagingModifierSequence": one(
            MagnetizationTransfer="NONE",
            BloodSignalNulling="NO",
            Tagging="NONE",
            TransmitterFrequency=123.0,
            PixelBandwidth=200.0,
        ),
        "MRReceiveCoilSequence": one(
            ReceiveCoilName="HEAD",
            ReceiveCoilManufacturerName="ACME",
            ReceiveCoilType="MULTICOIL",
            QuadratureReceiveCoil="NO",
            MultiCoilDefinitionSequence=coil,
        ),
        "MRTransmitCoilSequence": one(
            TransmitCoilName="BODY", TransmitCoilManufacturerName="ACME", TransmitCoilType="BODY"
        ),
        "MRAveragesSequence": one(NumberOfAverages=1),
    }


def ACTIVITY(slope: float) -> Sequence:  # noqa: N802
    """The Real World Value Mapping of PET: activity, as the rescale of the same frame gives it."""
    return one(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=65535,
        RealWorldValueIntercept=0.0,
        RealWorldValueSlope=float(slope),
        LUTExplanation="activity",
        LUTLabel="BQML",
        MeasurementUnitsCodeSequence=Sequence([code("Bq/ml", "UCUM", "Becquerels/milliliter")]),
    )


def _pet() -> dict[str, Sequence]:
    return {
        "RadiopharmaceuticalUsageSequence": one(RadiopharmaceuticalAgentNumber=1),
        "RealWorldValueMappingSequence": ACTIVITY(1.0),
        "PETFrameAcquisitionSequence": one(
            TableHeight=150.0, GantryDetectorTilt=0.0, GantryDetectorSlew=0.0, DataCollectionDiameter=700.0
        ),
        "PETPositionSequence": one(
            TablePosition=0.0,
            DataCollectionCenterPatient=[0.0, 0.0, 0.0],
            ReconstructionTargetCenterPatient=[0.0, 0.0, 0.0],
        ),
        "PETReconstructionSequence": one(
            ReconstructionType="3D",
            ReconstructionAlgorithm="FILTER_BACK_PROJ",
            IterativeReconstructionMethod="NO",
            ReconstructionFieldOfView=[15.0, 15.0],
        ),
        "PETFrameCorrectionFactorsSequence": one(
            PrimaryPromptsCountsAccumulated=1000,
            SliceSensitivityFactor=1.0,
            ScatterFractionFactor=0.1,
            DeadTimeFactor=1.0,
        ),
    }
